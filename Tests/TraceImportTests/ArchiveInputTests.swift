import Archive
import FoundationEssentials
import RoutingTrace
import SystemPackage
import TestSupport
import Testing

@testable import TraceImport

private let trace = Array(#"[{"0": [[1]]}, {"0": [[2]]}]"#.utf8)
private let other = Array(#"[{"0": [[3]]}]"#.utf8)
private let options = ImportOptions(experts: 8)

/// One member of a tar archive as ustar has it.
private func member(
  _ name: String, _ content: [UInt8] = [], type: Character = "0", size: Int? = nil
) -> [UInt8] {
  var header = [UInt8](repeating: 0, count: 512)
  func put(_ text: String, at: Int) {
    header.replaceSubrange(at..<at + text.utf8.count, with: text.utf8)
  }
  func octal(_ number: Int, digits: Int) -> String {
    let text = String(number, radix: 8)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
  put(name, at: 0)
  put("0000644", at: 100)
  put(octal(size ?? content.count, digits: 11), at: 124)
  put("        ", at: 148)
  put(String(type), at: 156)
  put("ustar\u{0}00", at: 257)
  put(octal(header.reduce(0) { $0 + Int($1) }, digits: 6) + "\u{0}", at: 148)
  return header + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
}

private let end = [UInt8](repeating: 0, count: 1024)

/// Archives as inputs: what is in them is read as an unpacked folder is, and nothing else happens.
@Suite struct ArchiveInputTests {
  /// A folder of traces, one compressed, with a hidden file and another beside them.
  private static func tree() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: folder.file("set/deep"), withIntermediateDirectories: true)
    try folder.write(trace, to: "set/10.json")
    try folder.write(Gzip.member([0xEF, 0xBB, 0xBF] + other), to: "set/2.json.gz")
    try folder.write(trace, to: "set/deep/1.json")
    try folder.write(Array("notes".utf8), to: "set/README.md")
    try folder.write(Array("{".utf8), to: "set/.hidden.json")
    return folder
  }

  /// Packed by the programs that people have, in whichever order they list a folder.
  @Test(arguments: [
    ("a.tar", ["tar", "-cf"]), ("a.tar.gz", ["tar", "-czf"]), ("a.tgz", ["tar", "-czf"]),
    ("a.tar.xz", ["tar", "-cJf"]), ("a.txz", ["tar", "--format=pax", "-cJf"]),
    ("named-otherwise", ["tar", "--format=ustar", "-cf"]),
  ])
  func isReadAsAFolderIs(name: String, command: [String]) throws {
    let folder = try Self.tree()
    let expected = try importAll([folder.file("set")], options: options)
    #expect(expected.map(\.name) == ["2", "10", "1"])
    let archive = folder.file(name)
    _ = try run(command + [archive, "-C", folder.path, "set"])
    var importer = try TraceImporter([archive], options: options)
    #expect(importer.paths.first == archive + "/set/2.json.gz")
    #expect(importer.pathsOnDisk == [archive, archive, archive])
    #expect(importer.passedOver == 1)
    var requests: [RequestTrace] = []
    while let request = try importer.next() { requests.append(request) }
    #expect(requests == expected)
    // From standard input, and met in a folder among others.
    if name.hasPrefix("a.") {
      try FileManager.default.removeItem(atPath: folder.file("set"))
      #expect(try importAll([folder.path], options: options) == expected)
    }
    let finder = try SourceFinder(
      ["-"], format: nil, standardInput: FileDescriptor.open(FilePath(archive), .readOnly))
    #expect(finder.sources.map(\.stem) == ["2", "10", "1"])
  }

  @Test func zipIsReadAsAFolderIs() throws {
    let folder = try Self.tree()
    let archive = try folder.write(
      ZipWriter.archive([
        ("set/deep/", []), ("set/deep/1.json", trace), ("set/10.json", trace),
        ("set/README.md", [1]), ("set/2.json", other),
      ]), to: "a.zip")
    let expected = try importAll([folder.file("set")], options: options)
    #expect(try importAll([archive], options: options) == expected)
  }

  /// A prompt's end may be told by a neighbour in the archive; layers may be files of it.
  @Test func filesOfAnArchiveAreNeighbours() throws {
    let folder = try TemporaryFolder()
    let sample = ForeignFormat.vllmNPY.sample
    let archive = try folder.write(
      member("x/1.npy", sample.content)
        + member("x/1.json", Array(#"{"input_token_count": 1}"#.utf8))
        + end, to: "arrays.tar")
    let requests = try importAll([archive], options: options)
    #expect(requests.map(\.prefill) == [1])
    let scores = try folder.write(
      member("task/expert_weights_2.txt", Array("3\t1\t\t1\t2\n".utf8))
        + member("task/expert_weights_1.txt", Array("1\t2\t\t1\t2\n".utf8)) + end, to: "scores.tar")
    let tasks = try importAll(
      [scores], options: ImportOptions(experts: 8, topK: 2, readsWeights: false))
    #expect(tasks.map(\.ids) == [[1, 2, 3, 1]])
    #expect(tasks.map(\.task) == ["task"])
  }

  /// Long names as pax and GNU tar have them.
  @Test(arguments: ["--format=pax", "--format=gnu"])
  func longNames(format: String) throws {
    let folder = try TemporaryFolder()
    let deep = (0..<6).map { String(repeating: "d\($0)", count: 30) }.joined(separator: "/")
    try FileManager.default.createDirectory(
      atPath: folder.file(deep), withIntermediateDirectories: true)
    try folder.write(trace, to: deep + "/7.json")
    _ = try run(
      "tar", format, "-C", folder.path, "-cf", folder.file("a.tar"),
      "d0" + deep.dropFirst(2).prefix(58))
    let importer = try TraceImporter([folder.file("a.tar")], options: options)
    #expect(importer.paths == [folder.file("a.tar") + "/" + deep + "/7.json"])
  }

  /// Of two files of one name the later counts, as when unpacked.
  @Test func theLaterFileOfANameCounts() throws {
    let folder = try TemporaryFolder()
    let archive = try folder.write(
      member("1.json", trace) + member("./1.json", other) + end, to: "a.tar")
    #expect(try importAll([archive], options: options).map(\.ids) == [[3]])
  }

  @Test(arguments: [
    (member("../1.json", trace), "its name leads out of the archive"),
    (member("/etc/1.json", trace), "its name leads out of the archive"),
    (member("a/../../1.json", trace), "its name leads out of the archive"),
    (member("1.json", type: "2"), "it is a link, which is not followed"),
    (member("1.json", type: "1"), "it is a link, which is not followed"),
    (member("1.json", type: "3"), "it is a device or a pipe, which is not followed"),
    (member("1.json", trace, size: 1 << 32), "its files take more than 1024 MiB together"),
    (member("1.json", trace, size: 4096), "the archive is cut off in a member"),
    (
      member("1.json", trace) + [1] + [UInt8](repeating: 7, count: 511), "no tar header stands here"
    ),
    (member("long", Array("30 path=../1.json".utf8) + [0x0A], type: "x"), "none of its 0 files"),
    (member("x", Array("20 path=../1.json".utf8) + [0x0A], type: "x"), "none of its 0 files"),
    (
      member("x", Array("18 path=../1.json\n".utf8), type: "x") + member("y", trace),
      "its name leads out of the archive"
    ),
    (member("x", type: "L", size: 1 << 20), "a name of 1048576 bytes is too long"),
  ])
  func hostileTarsAreRefused(bytes: [UInt8], problem: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes + end, to: "a.tar")
    let fault = importFault { try importAll([path], options: options) }
    #expect(fault?.problem.hasPrefix(problem) == true, "\(fault?.description ?? "no error")")
  }

  /// A header that is not what its sum says.
  @Test func damagedHeadersAreRefused() throws {
    var bytes = member("1.json", trace) + end
    bytes[2] ^= 1
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes, to: "a.tar")
    let fault = importFault { try importAll([path], options: options) }
    #expect(fault?.problem == "no tar header stands here")
    #expect(fault?.byte == 0)
  }

  /// A size that a pax header tells is the member's.
  @Test func sizesMayStandInPaxHeaders() throws {
    let size = member("pax", Array("11 size=\(trace.count)\n".utf8), type: "x")
    var file = member("1.json", size: 0)
    file += trace + [UInt8](repeating: 0, count: 512 - trace.count)
    let folder = try TemporaryFolder()
    let path = try folder.write(size + file + end, to: "a.tar")
    #expect(try importAll([path], options: options).map(\.ids) == [[1, 2]])
  }

  /// Cut off anywhere, an archive gives its whole requests or a typed error.
  @Test func cutTarsGiveTypedErrors() throws {
    let bytes = member("1.json", trace) + member("2.json", other)
    let folder = try TemporaryFolder()
    for length in stride(from: 0, through: bytes.count, by: 37) {
      let path = try folder.write(Array(bytes.prefix(length)), to: "a.tar")
      do { _ = try importAll([path], options: options) } catch { #expect(error is ImportError) }
    }
  }

  @Test func hostileZipsAreRefused() throws {
    let folder = try TemporaryFolder()
    func fault(_ bytes: [UInt8]) throws -> String? {
      let path = try folder.write(bytes, to: "a.zip")
      return importFault { try importAll([path], options: options) }?.problem
    }
    #expect(
      try fault(ZipWriter.archive([("../1.json", trace)])) == "its name leads out of the archive")
    var link = try ZipWriter.archive([("1.json", trace)])
    let directory = try #require(
      link.indices.first { link[$0...].starts(with: [0x50, 0x4B, 1, 2]) })
    // Attributes of Unix: a symbolic link.
    link[directory + 41] = 0xA1
    #expect(try fault(link) == "it is a link, which is not followed")
    #expect(try fault([0x50, 0x4B, 3, 4])?.hasPrefix("it has no zip directory") == true)
    var damaged = try ZipWriter.archive([("1.json", trace)])
    damaged[36 + 3] ^= 1
    #expect(try fault(damaged) == "its checksum is wrong: the archive is damaged")
  }

  /// A small file that inflates to more than is taken ends in an error, and takes no more.
  @Test func bombsAreRefused() throws {
    let folder = try TemporaryFolder()
    let zeros = [UInt8](repeating: 0x20, count: 8 << 20)
    let bomb = member("1.json", zeros + zeros) + end
    let path = try folder.write(Gzip.member(bomb), to: "a.tar.gz")
    let small = ImportOptions(experts: 8, maximumFileSize: 1 << 22)
    let fault = importFault { try importAll([path], options: small) }
    #expect(fault?.kind == .tooLarge)
    #expect(fault?.remedy == "unpack it and name its folder")
    // Files that are small each.
    let many = try folder.write(
      (0..<3).flatMap { member("\($0).json", Array(zeros.prefix(2 << 20))) } + end, to: "c.tar")
    #expect(importFault { try importAll([many], options: small) }?.kind == .tooLarge)
    // A compressed file within.
    let inner = try folder.write(member("1.json.gz", Gzip.member(zeros)) + end, to: "b.tar")
    let within = importFault { try importAll([inner], options: small) }
    #expect(within?.kind == .tooLarge)
    #expect(within?.remedy == "unpack it and name its folder")
  }

  /// An upload's archive stays closed.
  @Test func archivesStayClosedWhereTheyAreNotWanted() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(member("1.json", trace) + end, to: "a.tar")
    let fault = importFault {
      try importAll([path], options: ImportOptions(experts: 8, opensArchives: false))
    }
    #expect(fault?.problem == "the file is a tar archive")
  }

  /// What the shell does for a pattern that is not quoted.
  @Test func patternsMatch() throws {
    let folder = try TemporaryFolder()
    for name in ["10.json", "2.json", "3.txt"] { try folder.write(trace, to: name) }
    let requests = try importAll([folder.file("*.json")], options: options)
    #expect(requests.map(\.name) == ["2", "10"])
    let fault = importFault { try importAll([folder.file("*.npz")], options: options) }
    #expect(fault?.problem == "no file or folder matches")
    try folder.write(other, to: "[a].json")
    #expect(try importAll([folder.file("[a].json")], options: options).map(\.ids) == [[3]])
  }

  /// Requests behind one another on standard input, on lines of their own or over several.
  @Test(arguments: ["\n", "", "\r\n\r\n"], [false, true])
  func standardInputHoldsManyRequests(between: String, indented: Bool) throws {
    let text = [trace, other, trace].map { bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      return indented ? text.replacing(",", with: ",\n ").replacing("[", with: "[\n") : text
    }.joined(separator: between)
    let (reading, writing) = try FileDescriptor.pipe()
    defer { try? reading.close() }
    _ = try writing.writeAll(text.utf8)
    try writing.close()
    let finder = try SourceFinder(["-"], format: nil, standardInput: reading)
    var reader = try PaperJSONFormat(options: options)
    var ids: [[UInt16]] = []
    for source in finder.sources {
      #expect(source.isStandardInput)
      try reader.open(source)
      while let request = try reader.next(within: EventBounds(experts: 8)) {
        ids.append(request.ids)
      }
    }
    #expect(ids == [[1, 2], [3], [1, 2]])
  }

  /// Compressed data comes as xz does too.
  @Test func xzIsInflated() throws {
    let folder = try TemporaryFolder()
    try folder.write(trace, to: "1.json")
    _ = try run("xz", "-k", folder.file("1.json"))
    #expect(try importAll([folder.file("1.json.xz")], options: options).map(\.ids) == [[1, 2]])
    let twins = importFault { try importAll([folder.path], options: options) }
    #expect(twins?.problem == "1.json stands beside it")
  }
}
