import Foundation
import RoutingTrace
import TestSupport
import Testing

/// `export` as its users start it.
struct ExportTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// What a run says that fails.
  private func complaint(_ arguments: String...) -> String {
    do { _ = try Program.text(["export"] + arguments) } catch { return "\(error)" }
    return ""
  }

  /// The names in a folder.
  private func names(_ path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path).sorted()
  }

  /// Traces are exported, imported, and the same again, to the byte where their headers are.
  @Test(arguments: ["npz", "npy"])
  func tracesComeBackToTheByte(_ format: String) throws {
    // One source of both headers' provenance.
    let (arrays, again) = (folder.file("arrays"), folder.file("again"))
    for output in [arrays, again] {
      try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
    }
    func export(_ trace: String, to output: String) throws {
      _ = try Program.text([
        "export", "--to", format, "-o", format == "npz" ? output : output + "/all.npy", trace,
      ])
    }
    func imported(_ path: String, _ name: String) throws -> String {
      _ = try Program.text([
        "import", "--experts", "64", "--model", "tiny-moe", "-o", folder.file(name), path,
      ])
      return folder.file(name)
    }
    try export(Program.test, to: arrays)
    let one = try imported(arrays, "one.moe.lz4")
    try export(one, to: again)
    for name in try names(arrays) {
      #expect(
        try Data(contentsOf: URL(filePath: arrays + "/" + name))
          == Data(contentsOf: URL(filePath: again + "/" + name)), "\(name)")
    }
    // What was imported is the shipped trace but for its header's provenance.
    let whole = folder.file("whole.moe.lz4")
    _ = try Program.text(["import", "--chunk-tokens", "4096", "-o", whole, Program.test])
    let chunks = try [one, whole].map { path in
      var stream = try TraceStream([path])
      var chunks: [TraceChunk] = []
      while let chunk = try stream.next() { chunks.append(chunk) }
      return chunks
    }
    #expect(chunks[0].map(\.checksum) == chunks[1].map(\.checksum))
    #expect(chunks[0].map(\.block) == chunks[1].map(\.block))
  }

  @Test func aFolderIsNewOrEmpty() throws {
    let output = folder.file("requests")
    _ = try Program.text(["export", "--to", "npz", "-o", output, Program.test])
    let before = try names(output)
    #expect(before.count == 21)
    #expect(
      complaint("--to", "npz", "-o", output, Program.test).contains(
        "is a folder that is not empty; name a new folder, or empty this one"))
    #expect(
      complaint("--to", "npz", "-o", output, "--force", Program.test).contains(
        "--force would do nothing: a folder that is written is new or empty"))
    #expect(try names(output) == before)
    let file = try folder.write([1], to: "file")
    #expect(complaint("--to", "npz", "-o", file, Program.test).contains("is no folder"))
    #expect(try names(folder.path) == ["file", "requests"])
  }

  /// What fails on the way leaves nothing, be it a folder or files.
  @Test func afterAFailureNothingIsThere() throws {
    var bytes = Array(try Data(contentsOf: URL(filePath: Program.test)))
    bytes[bytes.count / 2] ^= 1
    let damaged = try folder.write(bytes, to: "damaged.moe.lz4")
    for (format, output) in [
      ("npz", "f"), ("chakra", "g"), ("npy", "a.npy"), ("csv", "a.csv"),
      ("oracle-general", "a.oracleGeneral"), ("gate-stats", "gate_stats.json"),
    ] {
      let options = format == "chakra" ? ["--devices", "2"] : []
      #expect(throws: CommandError.self, "\(format)") {
        try Program.text(
          ["export", "--to", format, "-o", folder.file(output), damaged] + options)
      }
      #expect(try names(folder.path) == ["damaged.moe.lz4"], "\(format)")
    }
  }

  @Test func theSuffixChooses() throws {
    for (output, head) in [
      ("a.csv", "time,obj_id,obj_size\n"), ("a.champsim.txt", "0, 0, "),
      ("gate_stats.json", "{\"curve\":[[1,8,"),
    ] {
      _ = try Program.text(["export", "-o", folder.file(output), Program.test])
      #expect(
        String(decoding: try folder.bytes(of: output).prefix(64), as: UTF8.self).hasPrefix(head))
    }
    _ = try Program.text(["export", "--model", Program.model, "-o", folder.file("t.json")])
    #expect(try folder.bytes(of: "t.json").starts(with: Array("{\"moecast_tables\": 1,".utf8)))
    #expect(
      complaint("-o", folder.file("a.xyz"), Program.test).contains(
        "is no format's of a trace; give --to one of npz, npy, oracle-general, csv, champsim"))
  }

  /// What an option or a format needs is said before anything is read.
  @Test func whatIsMissingIsSaid() throws {
    let (out, test, model) = (folder.file("o.csv"), Program.test, Program.model)
    #expect(complaint("-o", out).contains("name traces, or give --model FILE"))
    #expect(
      complaint("-o", out, "--model", model, test).contains(
        "give --model FILE or traces, not both; --prefetches is the model beside a trace"))
    #expect(
      complaint("-o", out, "--to", "hdf5", test).contains(
        "--to hdf5 is made of a model; give --model FILE in place of traces"))
    #expect(
      complaint("-o", out, "--to", "chakra", "--model", model).contains(
        "--to chakra is made of a trace; name traces, not a model"))
    #expect(complaint("-o", out, "--to", "parquet", test).contains("--to parquet is not known"))
    #expect(
      complaint("-o", out, "--devices", "4", test).contains(
        "--devices would do nothing: --to csv has no place for it"))
    #expect(
      complaint("-o", out, "--top", "4", test).contains(
        "--top would do nothing: nothing is forecast without --prefetches"))
    #expect(
      complaint("--to", "csv", "-o", "-", "--prefetches", model, test).contains(
        "--prefetches writes a second file beside the output"))
    #expect(
      complaint("--to", "npy", "-o", "-", test).contains(
        "--to npy writes a second file beside the output"))
    #expect(
      complaint("--to", "oracle-general", "-o", out, "-").contains(
        "reads the trace twice, which standard input cannot be"))
    #expect(complaint("--to", "npz", "-o", "-", test).contains("writes a folder; name it with -o"))
    #expect(
      complaint("--to", "chakra", "-o", folder.file("c"), test).contains("give --devices N"))
    #expect(try names(folder.path) == [])
  }

  /// The forecasts beside the accesses are those of `moecast forecast`, learning or not.
  @Test(arguments: [false, true])
  func prefetchesAreTheForecasts(_ learns: Bool) throws {
    let options = ["--top", "3"] + (learns ? ["--learn"] : [])
    let model = ["--model", Program.model]
    _ = try Program.text(
      ["export", "-o", folder.file("a.csv"), "--prefetches", Program.model, Program.test] + options)
    _ = try Program.text(
      ["forecast", "-o", folder.file("f.csv"), Program.test] + model + options)
    func cells(_ name: String) throws -> [[Substring]] {
      String(decoding: try folder.bytes(of: name), as: UTF8.self).split(separator: "\n").dropFirst()
        .map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    }
    let wanted = try cells("f.csv").flatMap { line in
      zip(line[5].split(separator: " "), line[6].split(separator: " ")).map { expert, chance in
        "\((Int(line[3]) ?? 0) * 64 + (Int(expert) ?? 0)),1,\(chance)"
      }
    }
    let found = try cells("a.csv.prefetches.csv").map { $0[2...].joined(separator: ",") }
    #expect(found.count == 3 * 40_068 && found == wanted)
  }

  /// libCacheSim reads the accesses, and its caches hit as often as ours.
  @Test(.enabled(if: Python.has("libcachesim"), "\(Python.absence("libcachesim"))"))
  func libCacheSimHitsAsOften() throws {
    let trace = folder.file("a.oracleGeneral.bin")
    _ = try Program.text(["export", "-o", trace, Program.test])
    let ours = try Program.json([
      "simulate", "cache", "--stage", "all", "--batch", "1", "--capacity", "5,25", Program.test,
    ]).array
    for (policy, name) in [("lru", "LRU"), ("belady", "Belady")] {
      for line in ours where line["policy"].text == policy {
        let misses = try Python.run(
          """
          import libcachesim as l, sys
          reader = l.TraceReader(trace=sys.argv[1], trace_type=l.TraceType.ORACLE_GENERAL_TRACE)
          cache = getattr(l, sys.argv[2])(cache_size=int(sys.argv[3]))
          print(reader.get_num_of_req(), repr(cache.process_trace(reader)[0]))
          """, trace, name, "\(Int(line["places"].number))"
        ).split(separator: " ")
        #expect(misses[0] == "\(Int(line["reads"].number))")
        let share = try #require(Double(misses[1].trimmingCharacters(in: .whitespacesAndNewlines)))
        #expect(abs(1 - share - line["hit_rate"].number) < 1e-12, "\(policy)")
      }
    }
  }

  /// A second file beside the output is replaced only where it is one of ours.
  @Test func whatStandsBesideIsSpared() throws {
    let notes = Array("my notes".utf8)
    try folder.write(notes, to: "a.json")
    #expect(
      complaint("-o", folder.file("a.npy"), Program.test).contains("holds something else than"))
    #expect(try folder.bytes(of: "a.json") == notes)
    #expect(try names(folder.path) == ["a.json"])
    _ = try Program.text(["export", "--force", "-o", folder.file("a.npy"), Program.test])
    _ = try Program.text(["export", "-o", folder.file("a.npy"), Program.test])
    #expect(try names(folder.path) == ["a.json", "a.npy"])
    // An array that is called as the file beside it would be has it under another name.
    _ = try Program.text(["export", "--to", "npy", "-o", folder.file("b.json"), Program.test])
    #expect(try names(folder.path) == ["a.json", "a.npy", "b.json", "b.json.json"])
  }

  /// Models, load profiles and tables are HDF5 files all, NumPy's archives zip files: none takes
  /// another's place.
  @Test func noKindTakesAnothersPlace() throws {
    let model = try folder.write(
      Array(try Data(contentsOf: URL(filePath: Program.model))), to: "m.h5")
    let kept = try folder.bytes(of: "m.h5")
    #expect(
      complaint("--model", Program.model, "-o", model).contains("holds something else than"))
    #expect(try folder.bytes(of: "m.h5") == kept)
    let table = folder.file("t.npz")
    _ = try Program.text(
      ["export", "--to", "prediction-table", "-o", table, "--model", Program.model])
    #expect(
      complaint("--model", Program.model, "-o", table).contains("holds something else than"))
    // What is of the kind is replaced.
    for name in ["x.h5", "x.npz"] {
      for _ in 0..<2 {
        _ = try Program.text(["export", "-o", folder.file(name), "--model", Program.model])
      }
    }
  }
}
