import DurableFile
import Foundation
import SystemPackage
import TestSupport
import Testing

private struct Damage: Error, CustomStringConvertible {
  let description = "a sum is wrong"
}

@Suite struct DurableFileTests {
  let folder: TemporaryFolder
  let path: FilePath

  init() throws {
    folder = try TemporaryFolder()
    path = FilePath(folder.file("M.h5"))
  }

  func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  func text(_ name: String = "M.h5") throws -> String {
    String(decoding: try folder.bytes(of: name), as: UTF8.self)
  }

  func write(_ text: String, keeping: Int = 0, operations: any FileOperations) throws {
    try DurableFile.write(Array(text.utf8), to: path, keeping: keeping, operations: operations)
  }

  @Test func replacesAndKeepsGenerations() throws {
    for number in 1...5 {
      try write("model \(number)", keeping: 2, operations: SystemFileOperations())
    }
    #expect(try names() == ["M.h5", "M.h5.1", "M.h5.2"])
    #expect(try text() == "model 5")
    #expect(try text("M.h5.1") == "model 4")
    #expect(try text("M.h5.2") == "model 3")
    #expect(generations(of: path) == [path, generation(1, of: path), generation(2, of: path)])
  }

  @Test func orderOfTheSteps() throws {
    try write("old", operations: SystemFileOperations())
    let operations = FailingOperations()
    try write("new", keeping: 1, operations: operations)
    #expect(
      operations.calls == [
        "create", "write", "synchronize", "link", "rename", "open", "synchronize",
      ])
  }

  /// Every step once fails with every error; the old file must stay, or the new one stand whole.
  @Test(arguments: [Errno.ioError, .noSpace, .permissionDenied, .readOnlyFileSystem])
  func everyStepFailing(code: Errno) throws {
    for step in 1...11 {
      for name in try names() { try FileManager.default.removeItem(atPath: folder.file(name)) }
      for old in ["oldest", "older", "old"] {
        try write(old, keeping: 2, operations: SystemFileOperations())
      }
      let operations = FailingOperations(.failure(code), atStep: step)
      do {
        try write("new", keeping: 2, operations: operations)
        #expect(operations.calls.count < step)
        #expect(try text() == "new")
      } catch let error as FileError {
        #expect(error.code == code)
        #expect(try text() == (error.step == .synchronizeFolder ? "new" : "old"), "\(error)")
        #expect(error.description.hasPrefix("\(path): "))
      }
      #expect(try names().filter { $0.hasPrefix(".") } == [], "step \(step)")
      #expect(generations(of: path).first == path)
    }
  }

  @Test func interruptionsAndShortWritesAreNoFailures() throws {
    for step in 1...7 {
      try write("old", operations: SystemFileOperations())
      try write(
        "new", keeping: 1,
        operations: FailingOperations(.failure(.interrupted), atStep: step, times: 3))
      #expect(try text() == "new")
      #expect(try text("M.h5.1") == "old")
      try FileManager.default.removeItem(atPath: folder.file("M.h5.1"))
    }
    let short = FailingOperations(.shortWrite(1), atStep: 2, times: 5)
    try write("a whole model", operations: short)
    #expect(try text() == "a whole model")
    #expect(short.calls.filter { $0 == "write" }.count == 6)
    #expect(throws: FileError.self) {
      try write("x", operations: FailingOperations(.shortWrite(0), atStep: 2))
    }
    #expect(try text() == "a whole model")
  }

  @Test func whatDoesNotVerifyIsNotPutInPlace() throws {
    try write("old", operations: SystemFileOperations())
    do throws(FileError) {
      try DurableFile.write(
        Array("new".utf8), to: path,
        verify: { temporary in
          #expect(try Array(Data(contentsOf: URL(filePath: temporary.string))) == Array("new".utf8))
          throw Damage()
        })
      Issue.record("a file that does not verify was put in place")
    } catch {
      #expect(error.step == .verify)
      #expect(
        error.description
          == "\(path): what was written does not read back: a sum is wrong; try again")
    }
    #expect(try names() == ["M.h5"])
    #expect(try text() == "old")
  }

  @Test func lettingGoLeavesNoTrace() throws {
    do {
      var file = try DurableFile(replacing: path)
      try file.append([1, 2, 3])
      #expect(try names().count == 1)
    }
    #expect(try names() == [])
  }

  @Test func leftoversOfExactlyThisNameAreRemoved() throws {
    let others = [
      ".other.h5.999999-0.partial", ".M.h5.x.999999-0.partial", ".M.h5.999999.partial",
      ".M.h5.9a-0.partial", ".M.h5.999999-0.partial.h5", ".M.h5.-.partial",
    ]
    for name in others + [".M.h5.999999-0.partial", ".M.h5.1-22.partial"] {
      try folder.write([1], to: name)
    }
    #expect(leftoverFiles(of: path).count == 2)
    try write("new", operations: SystemFileOperations())
    #expect(try names() == (others + ["M.h5"]).sorted())
    // Names of which one begins as the other.
    try folder.write([1], to: ".M.h5.1.999999-0.partial")
    removeLeftovers(of: path)
    #expect(try names().contains(".M.h5.1.999999-0.partial"))
  }

  @Test func aLivingWritersFileIsNoLeftover() throws {
    var first = try DurableFile(replacing: path)
    try first.append(Array("first".utf8))
    #expect(leftoverFiles(of: path) == [])
    try write("second", operations: SystemFileOperations())
    try first.append(Array(" and more".utf8))
    try first.commit()
    #expect(try text() == "first and more")
    #expect(try names() == ["M.h5"])
  }

  @Test func namesThatAreNotUTF8StayAsTheyAre() throws {
    let name = FilePath(folder.path).appending(
      FilePath(platformString: [0x6D, -1, -2, 0]).components)
    for text in ["old", "new"] {
      try DurableFile.write(Array(text.utf8), to: name, keeping: 1)
    }
    #expect(try ReadableFile(name).bytes() == Array("new".utf8))
    #expect(try ReadableFile(generation(1, of: name)).bytes() == Array("old".utf8))
    #expect(try names().count == 2)
  }

  @Test func symbolicLinksAreFollowed() throws {
    try folder.write([1], to: "real.h5")
    try FileManager.default.createSymbolicLink(
      atPath: path.string, withDestinationPath: folder.file("real.h5"))
    try write("new", operations: SystemFileOperations())
    #expect(try text("real.h5") == "new")
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: path.string)
        == folder.file("real.h5"))
  }

  @Test func folderFIFOAndDanglingLinkAreRefused() throws {
    func problem(_ name: String) -> String? {
      do throws(FileError) {
        try DurableFile.write([1], to: FilePath(folder.file(name)))
        return nil
      } catch { return error.description }
    }
    try FileManager.default.createDirectory(
      atPath: folder.file("folder"), withIntermediateDirectories: false)
    try #require(mkfifo(folder.file("fifo"), 0o600) == 0)
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link"), withDestinationPath: folder.file("nothing"))
    #expect(problem("folder")?.contains("is a folder, FIFO or device") == true)
    #expect(problem("fifo")?.contains("is a folder, FIFO or device") == true)
    #expect(problem("link")?.contains("leads nowhere") == true)
    #expect(problem("missing/M.h5")?.contains("make its folder first") == true)
    #expect(try names() == ["fifo", "folder", "link"])
  }

  @Test func permissionsStay() throws {
    try write("old", operations: SystemFileOperations())
    try #require(chmod(path.string, 0o600) == 0)
    try write("new", operations: SystemFileOperations())
    let attributes = try FileManager.default.attributesOfItem(atPath: path.string)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
  }

  @Test func readsWholeFilesWithinALimit() throws {
    try write("a model", operations: SystemFileOperations())
    #expect(try ReadableFile(path).bytes() == Array("a model".utf8))
    let interrupted = FailingOperations(.failure(.interrupted), atStep: 1, times: 3)
    #expect(try ReadableFile(path, operations: interrupted).bytes().count == 7)
    #expect(throws: FileError.self) { _ = try ReadableFile(path, limit: 6) }
    #expect(throws: FileError.self) { _ = try ReadableFile(FilePath(folder.path)) }
    #expect(throws: FileError.self) { _ = try ReadableFile(FilePath("\(path).none")) }
    let failing = FailingOperations(.failure(.ioError), atStep: 2)
    #expect(throws: FileError.self) { try ReadableFile(path, operations: failing).bytes() }
  }
}
