import FoundationEssentials
import RoutingTrace
import SystemPackage
import TestSupport
import Testing

@testable import TraceImport

private let trace = Array(#"[{"0": [[1]]}]"#.utf8)

@Suite struct SourceFinderTests {
  @Test func filesComeInNaturalOrderOfTheirPaths() throws {
    let folder = try TemporaryFolder()
    for name in ["10.json", "2.json", "b/1.json", "a 2/x.json", "a 10/x.json", "B/1.json"] {
      let parent = folder.file(name).split(separator: "/").dropLast().joined(separator: "/")
      try FileManager.default.createDirectory(
        atPath: "/" + parent, withIntermediateDirectories: true)
      try folder.write(trace, to: name)
    }
    try folder.write(Array("notes".utf8), to: "README.md")
    try folder.write(trace, to: ".hidden.json")
    let finder = try SourceFinder([folder.path], format: nil)
    #expect(finder.format == .paperJSON)
    #expect(finder.passedOver == 1)
    #expect(
      finder.sources.map { String($0.path.dropFirst(folder.path.count + 1)) } == [
        "2.json", "10.json", "B/1.json", "a 2/x.json", "a 10/x.json", "b/1.json",
      ])
    #expect(finder.sources.map(\.folder).suffix(2) == ["a 10", "b"])
  }

  @Test func inputsKeepTheirOrder() throws {
    let folder = try TemporaryFolder()
    let a = try folder.write(trace, to: "2.json")
    let b = try folder.write(trace, to: "1.json")
    let requests = try importAll([a, b], options: ImportOptions(experts: 8))
    #expect(requests.map(\.name) == ["2", "1"])
  }

  @Test func emptyFolder() throws {
    let folder = try TemporaryFolder()
    let fault = importFault { try importAll([folder.path], options: ImportOptions(experts: 8)) }
    #expect(fault?.problem == "the folder is empty")
  }

  @Test func folderWithoutTraces() throws {
    let folder = try TemporaryFolder()
    try folder.write(Array("notes".utf8), to: "README.md")
    let guessed = importFault { try importAll([folder.path], options: ImportOptions(experts: 8)) }
    #expect(guessed?.problem == "none of its 1 files is in a known format")
    let named = importFault {
      try importAll([folder.path], format: .npz, options: ImportOptions(experts: 8))
    }
    #expect(named?.problem == "no file of format npz is in it")
  }

  @Test func missingFile() {
    let fault = importFault {
      try importAll(["nowhere/2.json"], options: ImportOptions(experts: 8))
    }
    #expect(fault?.kind == .access)
    #expect(fault?.description.hasPrefix("nowhere/2.json: there is no such file") == true)
  }

  /// A moecast trace tells its shape itself, and what else is compressed with LZ4 is told how to go
  /// on.
  @Test func aMoecastTraceIsNoForeignOne() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([0x04, 0x22, 0x4D, 0x18], to: "file")
    let fault = importFault { try importAll([path], options: ImportOptions(experts: 8)) }
    #expect(fault?.kind == .notATrace)
    #expect(fault?.remedy.contains("leave --shape and --experts out") == true)
    #expect(fault?.remedy.contains("lz4 -d") == true)
  }

  @Test func anOddFileInAFolderIsNamed() throws {
    let folder = try TemporaryFolder()
    try folder.write(trace, to: "1.json")
    try folder.write(Array("[{}".utf8), to: "2.json")
    let fault = importFault { try importAll([folder.path], options: ImportOptions(experts: 8)) }
    #expect(fault?.file == folder.file("2.json"))
    #expect(fault?.request == 1)
  }

  @Test func filesAboveTheLimitAreRefused() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(trace, to: "1.json")
    let fault = importFault {
      try importAll(
        [path], options: ImportOptions(experts: 8, maximumFileSize: trace.count - 1))
    }
    #expect(fault?.kind == .tooLarge)
  }

  @Test func theNumberOfExpertsMustBeKnown() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(trace, to: "1.json")
    let fault = importFault { try importAll([path], options: ImportOptions()) }
    #expect(fault?.kind == .missing)
    #expect(fault?.remedy == "give --shape NAME or FILE.json, or --experts E")
  }

  @Test func messagesStayOnOneLine() {
    let error = ImportError(
      .access, file: "a\nb\u{1B}", problem: "x\ty", remedy: "z")
    #expect(error.description == "a?b?: x?y; z")
  }

  /// What a pipe gives is guessed and read without reading it twice.
  @Test(arguments: [nil, ForeignFormat.paperJSON])
  func standardInputIsOneFile(format: ForeignFormat?) throws {
    let (reading, writing) = try FileDescriptor.pipe()
    defer { try? reading.close() }
    _ = try writing.writeAll(Array("[{\"0\": [[1], [2]]}]".utf8))
    try writing.close()
    let finder = try SourceFinder(["-"], format: format, standardInput: reading)
    #expect(finder.format == .paperJSON)
    let source = try #require(finder.sources.first)
    #expect(source.path == "standard input")
    #expect(source.stem == "")
    var reader = try PaperJSONFormat(options: ImportOptions(experts: 8))
    try reader.open(source)
    let request = try reader.next(within: EventBounds(experts: 8, topK: nil))
    #expect(request?.ids == [1, 2])
    #expect(try reader.next(within: EventBounds(experts: 8, topK: nil)) == nil)
  }

  @Test func nothingOnStandardInputIsAnError() throws {
    let (reading, writing) = try FileDescriptor.pipe()
    defer { try? reading.close() }
    try writing.close()
    let error = #expect(throws: ImportError.self) {
      _ = try SourceFinder(["-"], format: nil, standardInput: reading)
    }
    #expect(error?.description.hasPrefix("standard input: the file is empty") == true)
  }
}
