import Archive
import Foundation
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// What is said of files of no known format, and whether what they are told to do helps.
@Suite struct UnknownContentTests {
  private static let trace = #"[{"0": [[1], [2]]}]"#

  private func fault(_ bytes: [UInt8], named name: String = "file") throws -> ImportError? {
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes, to: name)
    let fault = importFault { try importAll([path], options: ImportOptions(experts: 8)) }
    #expect(fault?.kind == .notATrace)
    return fault
  }

  @Test(
    arguments: [
      ([], "the file is empty", "leave it out"),
      ([0xEF, 0xBB, 0xBF], "the file is empty", "leave it out"),
      (Array(" \r\n\n".utf8), "the file holds nothing but blanks", "again"),
      (
        [0x04, 0x22, 0x4D, 0x18, 0x40], "the file is compressed with LZ4",
        "leave --shape and --experts out"
      ),
      ([0x28, 0xB5, 0x2F, 0xFD, 0], "the file is compressed with Zstandard", "zstd -d"),
      (Array("BZh91AY".utf8), "the file is compressed with bzip2", "bzip2 -d"),
      (
        [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0],
        "the file is HDF5, as moecast models are", "moecast inspect"
      ),
      ([0x80, 2, 0x7D], "the file is a Python pickle", "numpy.save"),
      (Array("PAR1\u{15}".utf8), "the file is a Parquet table", "pandas.read_parquet"),
      (Array("PK\u{5}\u{6}".utf8), "the file is an empty zip archive", "again"),
      ([0xFF, 0xFE] + Array("[\0{\0".utf8), "the file is text in UTF-16", "iconv -f UTF-16 "),
      (
        Array("[{\"0\"".utf8).flatMap { [$0, 0] }, "the file is text in UTF-16LE",
        "iconv -f UTF-16LE "
      ),
      ([0xFF, 0xFE, 0, 0, 0x5B, 0, 0, 0], "the file is text in UTF-32", "iconv -f UTF-32 "),
      (
        Array(#" {"a": ["b", "c"], "d": 1}"#.utf8),
        #"the file is JSON of none of the known layouts (it begins with the keys "a", "d")"#,
        "--format to hear"
      ),
      (Array("[]".utf8), "the file is JSON of none of the known layouts", "--format to hear"),
      (
        Array("layer;expert\n1,2\n".utf8),
        #"the file is text of none of the known layouts, beginning with "layer;expert""#,
        "moe-beyond-csv"
      ),
      (
        [0, 1, 2, 3, 4], "the file is in none of the known formats, and no text", "--format to hear"
      ),
    ] as [([UInt8], String, String)])
  func saysWhatItLooksLike(_ bytes: [UInt8], problem: String, remedy: String) throws {
    let fault = try fault(bytes)
    #expect(fault?.problem.hasPrefix(problem) == true, "\(fault?.problem ?? "no error")")
    #expect(fault?.remedy.contains(remedy) == true, "\(fault?.remedy ?? "no error")")
  }

  @Test func looksIntoGzip() throws {
    let fault = try fault(try Gzip.member(Array("layer;expert\n".utf8)), named: "a.csv.gz")
    #expect(
      fault?.problem.hasPrefix("the file, inflated, is text of none of the known layouts") == true)
    let twice = try self.fault(
      try Gzip.member(try Gzip.member(Array(Self.trace.utf8))), named: "a.json.gz")
    #expect(twice?.problem == "the file, inflated, is compressed with gzip once more")
  }

  @Test func archivesWithoutArraysAreToldApart() throws {
    let torch = try ZipWriter.archive([("archive/data.pkl", [0x80, 2])])
    #expect(
      try fault(torch)?.problem
        == "the file was written by torch.save, in none of the known layouts")
    let sheet = try ZipWriter.archive([("sheet.xml", Array("<x/>".utf8))])
    let fault = try fault(sheet)
    #expect(
      fault?.problem
        == "the file is a zip archive that begins with sheet.xml, which is no NumPy array")
    // An archive whose arrays come later is read when it is named.
    #expect(fault?.remedy.contains("--format npz") == true)
    let arrays = try ZipWriter.archive([
      ("readme.txt", Array("x".utf8)),
      ("routed_experts.npy", npy("|u1", shape: [2, 1, 1], content: [1, 2])),
    ])
    let folder = try TemporaryFolder()
    let path = try folder.write(arrays, to: "a.npz")
    let options = ImportOptions(experts: 8, prefill: 1)
    #expect(try importAll([path], format: .npz, options: options).map(\.ids) == [[1, 2]])
  }

  /// What is written with the first command is refused; what the remedy's command makes is read.
  @Test(arguments: [
    ("bzip2 -c", "bzip2 -d", "bzip2"),
    ("zstd -c", "zstd -d", "Zstandard"),
    ("lz4 -c", "lz4 -d", "LZ4"), ("iconv -t UTF-16", "iconv -f UTF-16 -t UTF-8", "UTF-16"),
    ("iconv -t UTF-16LE", "iconv -f UTF-16LE -t UTF-8", "UTF-16LE"),
    ("iconv -t UTF-16BE", "iconv -f UTF-16BE -t UTF-8", "UTF-16BE"),
    ("iconv -t UTF-32", "iconv -f UTF-32 -t UTF-8", "UTF-32"),
  ])
  func theRemedyHelps(writing: String, reading: String, name: String) throws {
    let program = writing.prefix { $0 != " " }
    guard (try? run("sh", "-c", "command -v \(program)")) != nil else { return }
    let folder = try TemporaryFolder()
    try folder.write(Array(Self.trace.utf8), to: "1.json")
    let (plain, packed, mended) = (
      folder.file("1.json"), folder.file("packed"), folder.file("2.json")
    )
    try run("sh", "-c", "\(writing) < '\(plain)' > '\(packed)'")
    let options = ImportOptions(experts: 8)
    let fault = importFault { try importAll([packed], options: options) }
    #expect(fault?.problem.contains(name) == true, "\(fault?.problem ?? "no error")")
    #expect(fault?.remedy.contains(reading) == true, "\(fault?.remedy ?? "no error")")
    try run("sh", "-c", "\(reading) < '\(packed)' > '\(mended)'")
    #expect(try importAll([mended], options: options).map(\.ids) == [[1, 2]])
  }
}

/// What a file of no known format is told to be near to.
@Suite struct NearFormatsTests {
  @Test(arguments: [
    (
      #"{"layer": 0, "token_index": 0, "experts": [1, 2], "scores": [1, 0]}"# + "\n{}\n",
      "a.jsonl",
      "JSON lines of none of the known layouts (it begins with the keys \"layer\", \"token_index\"",
      "the nearest formats are moe-trace (it lacks \"expert_ids\", \"phase\")"
    ),
    (
      "phase,token,layer,expert\nprefill,0,0,1\n", "a.csv", "a table of 4 columns of none of",
      "the nearest formats are llama-csv (it lacks \"rank\")"
    ),
    ("a,b\n1,2\n", "a.csv", "a table of 2 columns", "moe-beyond-csv, llama-csv, expert-columns by"),
    ("hello", "a.txt", "text of none", "to hear what is wrong with it: paper-json, "),
  ])
  func areNamedWithWhatIsMissing(
    text: String, name: String, problem: String, remedy: String
  ) throws {
    let fault = importFault { try importText(text, named: name) }
    #expect(fault?.problem.hasPrefix("the file is " + problem) == true, "\(fault?.problem ?? "")")
    #expect(fault?.remedy.contains(remedy) == true, "\(fault?.remedy ?? "")")
  }
}
