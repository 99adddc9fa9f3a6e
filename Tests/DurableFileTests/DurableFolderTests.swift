import DurableFile
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct DurableFolderTests {
  let folder: TemporaryFolder
  let path: FilePath

  init() throws {
    folder = try TemporaryFolder()
    path = FilePath(folder.file("out"))
  }

  func names(_ inner: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path + inner).sorted()
  }

  /// Two files, the first of them in two pieces; the second is closed by the commit.
  func write(_ operations: any FileOperations = SystemFileOperations()) throws {
    let new = try DurableFolder(path, operations: operations)
    for (file, text) in [("a", "one "), ("b", "other"), ("a", "two")] {
      try Array(text.utf8).withUnsafeBytes { try new.append($0, to: file) }
      #expect((try? names("/out")) ?? [] == [])
    }
    try new.close("a")
    try new.commit()
  }

  @Test func appearsWhole() throws {
    try write()
    #expect(try names() == ["out"])
    #expect(try names("/out") == ["a", "b"])
    #expect(try folder.bytes(of: "out/a") == Array("one two".utf8))
    #expect(try folder.bytes(of: "out/b") == Array("other".utf8))
  }

  @Test func anEmptyFolderIsTakenAndNoOther() throws {
    try FileManager.default.createDirectory(
      atPath: path.string, withIntermediateDirectories: true)
    try write()
    let fault = #expect(throws: FileError.self) { try write() }
    #expect(fault?.problem == "is a folder that is not empty")
    try folder.write([1], to: "file")
    #expect(throws: FileError.self) { try DurableFolder(FilePath(folder.file("file"))) }
    #expect(throws: FileError.self) { try DurableFolder(FilePath(folder.path + "/..")) }
    #expect(try names() == ["file", "out"])
    #expect(try names("/out") == ["a", "b"])
  }

  /// Every step once fails: nothing is left, or, where only the folder above could not be brought to
  /// the disk, the whole.
  @Test(arguments: [Errno.ioError, .noSpace])
  func everyStepFailing(code: Errno) throws {
    var failures = 0
    for step in 1...12 {
      try? FileManager.default.removeItem(atPath: path.string)
      let operations = FailingOperations(.failure(code), atStep: step)
      do {
        try write(operations)
        #expect(operations.calls.count < step)
        #expect(try names("/out") == ["a", "b"])
      } catch let error as FileError {
        failures += 1
        #expect(error.code == code && error.description.hasPrefix(path.string))
        let isInPlace = error.step == .synchronizeFolder && operations.calls.contains("rename")
        #expect(try names() == (isInPlace ? ["out"] : []), "\(error)")
      }
    }
    #expect(failures > 8)
  }

  /// The hidden folder of a writer that was killed is removed, that of one that writes is not.
  @Test func leftoversOfKilledWritersGo() throws {
    try FileManager.default.createDirectory(
      atPath: folder.file(".out.1-0.partial"), withIntermediateDirectories: true)
    try folder.write([1], to: ".out.1-0.partial/a")
    try FileManager.default.createDirectory(
      atPath: folder.file(".out.mine.partial"), withIntermediateDirectories: true)
    // Names that are nearly such ones are somebody else's.
    for name in [".out.partial", ".out..partial", ".out.7.partial"] {
      try FileManager.default.createDirectory(
        atPath: folder.file(name), withIntermediateDirectories: true)
      try folder.write([1], to: name + "/notes")
    }
    let writing = try DurableFolder(path)
    #expect(try names().count == 5)
    #expect(try !names().contains(".out.1-0.partial"))
    // Another writer of the same folder leaves this one's alone.
    #expect(throws: FileError.self) { try DurableFolder(path) }
    try [UInt8(1)].withUnsafeBytes { try writing.append($0, to: "a") }
    try writing.commit()
    #expect(
      try names()
        == [".out..partial", ".out.7.partial", ".out.mine.partial", ".out.partial", "out"])
  }
}
