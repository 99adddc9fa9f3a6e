import FoundationEssentials
import RoutingTrace
import SystemPackage
import TestSupport
import Testing

@testable import TraceImport

/// How a file comes whose content is that of another program.
struct Dressing: Sendable, CustomTestStringConvertible {
  var testDescription: String
  /// Whether it changes text only.
  var isOfText = true
  var dress: @Sendable ([UInt8]) throws -> [UInt8]

  static let mark = Dressing(testDescription: "byte order mark") { [0xEF, 0xBB, 0xBF] + $0 }
  static let longLines = Dressing(testDescription: "CRLF") { text in
    text.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] }
  }
  static let blankLines = Dressing(testDescription: "blank lines at the end") {
    $0 + Array("\n\n\r\n  \n".utf8)
  }
  static let gzip = Dressing(testDescription: "gzip", isOfText: false) { try Gzip.member($0) }
  static let all = [
    mark, longLines, blankLines, gzip,
    Dressing(testDescription: "gzip of all of them") {
      try gzip.dress(blankLines.dress(longLines.dress(mark.dress($0))))
    },
    Dressing(testDescription: "two gzip members", isOfText: false) {
      try Gzip.member(Array($0.prefix(5))) + Gzip.member(Array($0.dropFirst(5)))
    },
  ]
}

/// Every format is recognised and read however its file comes: from a file, met in a folder, and
/// from standard input.
@Suite struct RecognitionTests {
  /// Formats that know a request by its folder and its files by their names.
  private static let byFolder: [ForeignFormat] = [.routeFolder, .routerLogits]

  @Test(arguments: ForeignFormat.all, Dressing.all)
  func contentIsRecognisedAndReadAsItIs(format: ForeignFormat, dressing: Dressing) throws {
    let (name, content) = format.sample
    let isText = String(validating: content, as: UTF8.self) != nil && !content.contains(0)
    if dressing.isOfText, !isText { return }
    let options = ImportOptions(
      experts: 8, topK: 2,
      prefill: [.vllmNPY, .vllmLogger].contains(format) || Self.byFolder.contains(format) ? 1 : nil)
    let plain = try TemporaryFolder()
    try plain.write(content, to: name)
    let expected = try importAll([plain.file(name)], options: options)

    let bytes = try dressing.dress(content)
    for suffix in ["", ".gz"] {
      let folder = try TemporaryFolder()
      let path = try folder.write(bytes, to: name + suffix)
      // By the bytes, not by the name: a name with .gz may hold what is not compressed.
      for input in [path, folder.path] {
        var importer = try TraceImporter([input], options: options)
        #expect(importer.format == format)
        var requests: [RequestTrace] = []
        while var request = try importer.next() {
          // A folder's name is the task in some formats.
          request.task = expected[requests.count].task
          if Self.byFolder.contains(format) { request.name = expected[requests.count].name }
          requests.append(request)
        }
        #expect(requests == expected)
      }
    }
    guard format != .esft, !Self.byFolder.contains(format) else { return }
    try comesFromStandardInput(bytes, format, options, expected)
  }

  private func comesFromStandardInput(
    _ bytes: [UInt8], _ format: ForeignFormat, _ options: ImportOptions, _ expected: [RequestTrace]
  ) throws {
    let (reading, writing) = try FileDescriptor.pipe()
    defer { try? reading.close() }
    _ = try writing.writeAll(bytes)
    try writing.close()
    let finder = try SourceFinder(["-"], format: nil, standardInput: reading)
    #expect(finder.format == format)
    var reader = try format.type.init(options: options)
    var validator = try RequestValidator(options)
    var ids: [[UInt16]] = []
    for source in finder.sources {
      try reader.open(source)
      while let request = try reader.next(within: validator.bounds) {
        let fitted = try validator.fit(request, file: source.path, ordinal: ids.count)
        ids.append(fitted?.ids ?? [])
      }
    }
    #expect(ids == expected.map(\.ids))
  }

  /// The boundary of an array stands beside it, compressed or not.
  @Test(arguments: ["a.json", "a.json.gz", "a.npy.json", "a.npy.json.gz"], ["a.npy", "a.npy.gz"])
  func sidecarsAreFoundAndReadAsFilesAre(sidecar: String, array: String) throws {
    let folder = try TemporaryFolder()
    let text: [UInt8] = [0xEF, 0xBB, 0xBF] + Array("{\"input_token_count\": 1}\r\n\r\n".utf8)
    try folder.write(sidecar.hasSuffix(".gz") ? try Gzip.member(text) : text, to: sidecar)
    let content = ForeignFormat.vllmNPY.sample.content
    try folder.write(array.hasSuffix(".gz") ? try Gzip.member(content) : content, to: array)
    let requests = try importAll([folder.path], options: ImportOptions(experts: 8))
    #expect(requests.map(\.prefill) == [1])
    #expect(requests.map(\.name) == ["a"])
  }

  /// `gzip -k` leaves both; requests must not be there twice.
  @Test func aFileBesideItsCompressedSelfIsRefused() throws {
    let folder = try TemporaryFolder()
    let content = ForeignFormat.paperJSON.sample.content
    try folder.write(content, to: "1.json")
    let twin = try folder.write(try Gzip.member(content), to: "1.json.gz")
    let options = ImportOptions(experts: 8)
    let fault = importFault { try importAll([folder.path], options: options) }
    #expect(fault?.description.hasPrefix("\(twin): 1.json stands beside it; move one") == true)
    #expect(try importAll([twin], options: options).count == 1)
    try FileManager.default.removeItem(atPath: twin)
    #expect(try importAll([folder.path], options: options).count == 1)
  }

  /// Some layers' files may be compressed, and some end with empty lines.
  @Test func layersInStepComeAsTheyLike() throws {
    let folder = try TemporaryFolder()
    let text = Array("1\t2\t3\t4\t\t1\t0.5\t1\t0.5\n5\t6\t\t1\t0.5\n".utf8)
    try folder.write(text, to: "expert_weights_1.txt")
    try folder.write(try Gzip.member(text), to: "expert_weights_2.txt.gz")
    try folder.write(
      Dressing.longLines.dress(text) + Array("\r\n\n".utf8), to: "expert_weights_3.txt")
    let requests = try importAll([folder.path], options: ImportOptions(experts: 8, topK: 2))
    #expect(requests.map(\.ids) == [[1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4], [5, 6, 5, 6, 5, 6]])
  }

  /// An empty line between others is a fault still.
  @Test func emptyLinesAndRowsInTheMiddleAreFaults() throws {
    let line = "1\t2\t\t1\t0.5\n"
    let scores = importFault {
      try importText(
        line + "\n" + line, named: "expert_weights_1.txt",
        options: ImportOptions(experts: 8, topK: 2))
    }
    #expect(scores?.problem == "the line is empty")
    #expect(scores?.line == 2)
    let table = importFault {
      try importText(
        "Layer ID,Batch Number,Token,Activated Expert IDs\n1,0,a,\"[1]\"\n\n1,0,b,\"[2]\"\n",
        named: "1.csv")
    }
    #expect(table?.problem == "1 fields instead of 4")
    #expect(table?.line == 3)
  }
}
