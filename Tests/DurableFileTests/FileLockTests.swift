import DurableFile
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct FileLockTests {
  @Test func secondWriterIsRefusedUntilTheFirstLetsGo() throws {
    let folder = try TemporaryFolder()
    let path = FilePath(folder.file("M.h5"))
    do {
      let lock = try FileLock(of: path)
      #expect(lock.stale == nil)
      do throws(FileError) {
        _ = try FileLock(of: path)
        Issue.record("a second writer was let in")
      } catch {
        #expect(error.step == .lock)
        #expect(
          error.description.contains(
            "is being written by process \(ProcessInfo.processInfo.processIdentifier);"))
      }
      #expect(lock.path.string == folder.file("M.h5.lock"))
    }
    #expect(!FileManager.default.fileExists(atPath: folder.file("M.h5.lock")))
    let next = try FileLock(of: path)
    #expect(next.stale == nil)
  }

  @Test func twoNamesOfOneFileHaveOneLock() throws {
    let folder = try TemporaryFolder()
    try folder.write([1], to: "M.h5")
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link.h5"), withDestinationPath: folder.file("M.h5"))
    let lock = try FileLock(of: FilePath(folder.file("link.h5")))
    #expect(lock.path.lastComponent?.string == "M.h5.lock" && lock.isEffective)
    #expect(throws: FileError.self) { _ = try FileLock(of: FilePath(folder.file("M.h5"))) }
  }

  @Test func staleLockIsRecognised() throws {
    let folder = try TemporaryFolder()
    try folder.write(Array("4194000\n".utf8), to: "M.h5.lock")
    let lock = try FileLock(of: FilePath(folder.file("M.h5")))
    #expect(lock.stale == 4_194_000)
  }
}
