import Foundation
import RoutingTrace
import TestSupport
import Testing

/// The article on forecasts in NumPy: its lines, run on what `export` writes, rank as the program.
@Suite(.enabled(if: Python.has("numpy"), "\(Python.absence("numpy"))"))
struct NumPyTests {
  private static let predictors = ["frequency", "layer-markov", "token-markov", "mixture-fast"]

  /// The article's fenced blocks marked `python`, one after another.
  private static func lines() throws -> String {
    let sources = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources")
    let article = try String(
      contentsOf: sources.appending(path: "Export/Export.docc/ForecastsInNumPy.md"),
      encoding: .utf8)
    let blocks = article.components(separatedBy: "```python\n").dropFirst()
    return blocks.compactMap { $0.components(separatedBy: "```").first }.joined(separator: "\n")
  }

  /// Holds every event's ranks and chances against the program's own.
  private static let comparison = """

    import sys
    names = sys.argv[1:]
    for name in names:
        told = np.load(name + ".npz")
        chances = globals()[name.replace("-", "_")]().reshape(-1, E)
        ranks = np.argsort(-chances, axis=1, kind="stable")
        here = np.take_along_axis(chances, told["ids"], 1).astype(np.float32)
        print(name, len(ranks), (ranks != told["ids"]).any(1).sum(), (here != told["chances"]).sum())
    """

  /// What the comparison prints of a model that was learnt from one trace, on another.
  private func compared(_ learnt: String, _ other: String, experts: Int) throws -> String {
    let folder = try TemporaryFolder()
    let model = folder.file("m.h5")
    _ = try Program.text(
      ["train", learnt, "--model", model, "--quiet", "--predictors"]
        + [Self.predictors.joined(separator: ",")])
    _ = try Program.text(
      ["export", "--model", model, "--to", "npz", "-o", folder.file("tables.npz")])
    for name in Self.predictors {
      _ = try Program.text(
        ["forecast", "--model", model, "--predictors", name, "--top", "\(experts)", other]
          + ["-o", folder.file(name + ".npz")])
    }
    try FileManager.default.copyItem(
      atPath: folder.file("frequency.npz"), toPath: folder.file("forecasts.npz"))
    let script = try folder.write(
      Array(("import os\nos.chdir(\"\(folder.path)\")\n" + Self.lines() + Self.comparison).utf8),
      to: "forecasts.py")
    return try Python.run(file: script, Self.predictors)
  }

  @Test func ranksAreTheProgramsOwn() throws {
    let printed = try compared(Program.train, Program.test, experts: 64)
    #expect(printed == Self.predictors.map { "\($0) 40068 0 0\n" }.joined())
  }

  /// Rows that are padded, empty slots, fewer layers than the linear part looks back.
  @Test(arguments: [(12, 3, 3), (20, 1, 11)])
  func oddShapesToo(experts: Int, topK: Int, layers: Int) throws {
    let folder = try TemporaryFolder()
    let shape = try TraceShape(modelLayers: Array(0..<layers), experts: experts, topK: topK)
    let traces = try [3, 4 as UInt64].map { seed in
      var random = SplitMix64(seed: seed)
      let requests = (0..<6).map { _ in
        RequestTrace.random(shape: shape, prefill: 5, decode: 15, empty: 0.2, using: &random)
      }
      return try folder.write(
        try traceBytes(of: requests, shape: shape), to: "\(seed).moe.lz4")
    }
    let printed = try compared(traces[0], traces[1], experts: experts)
    #expect(printed == Self.predictors.map { "\($0) \(120 * layers) 0 0\n" }.joined())
  }

  /// What a simulator needs beside the tables.
  @Test func shapeProvenanceAndMetricsAreThere() throws {
    let folder = try TemporaryFolder()
    let tables = folder.file("tables.npz")
    _ = try Program.text(["export", "--model", Program.model, "--to", "npz", "-o", tables])
    let shards = try [Program.train, Program.test].enumerated().map { number, trace in
      let shard = folder.file("\(number).h5")
      _ = try Program.text(
        ["train", trace, "--predictors", "frequency", "--quiet", "--model", shard])
      return shard
    }
    _ = try Program.text(["merge"] + shards + ["-o", folder.file("m.h5")])
    let merged = folder.file("merged.npz")
    _ = try Program.text(
      ["export", "--model", folder.file("m.h5"), "--to", "npz", "-o", merged])
    let printed = try Python.run(
      """
      import numpy as np, sys
      z = np.load(sys.argv[1])
      print(z["experts"], z["top_k"], z["model"], z["predictors"].tolist())
      print(z["learnt/tokens"], z["learnt/requests"], z["learnt/checksums"].shape)
      print(z["learnt/past/tokens"].tolist(), np.load(sys.argv[2])["learnt/past/streams"].tolist())
      r = z["metrics/mixture/ranks"]
      print(r.shape, round(r[:, :, :8].sum() / r.sum(), 4), z["metrics/stage"].tolist())
      print(z["mixture/part"].tolist(), z["mixture/weights"].shape, z["mixture/linear"].shape)
      print(z["mixture/paths"].shape, "mixture/recent_counts" in z, z["mixture/trail_counts"].shape)
      """, tables, merged)
    #expect(
      printed == """
        64 8 tiny-moe ['frequency', 'layer-markov', 'layer-product', 'token-markov', 'mixture']
        6685 35 (14,)
        [] [2]
        (12, 2, 64) 0.7257 ['prefill', 'decode']
        ['frequency', 'layer', 'recent', 'near-paths', 'long-paths', 'best-paths'] (12, 6) (12, 10, 64, 64)
        (6685, 12, 1) False (0,)

        """)
  }
}
