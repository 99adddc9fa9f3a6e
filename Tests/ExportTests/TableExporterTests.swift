import Counting
import Export
import Forecast
import Prequential
import RoutingTrace
import TestSupport
import Testing

@Suite struct TableExporterTests {
  /// A learner of a stream of two requests.
  static func learner(
    predictors: [String] = ["frequency", "layer-markov", "layer-product", "token-markov"]
  ) throws -> Learner {
    let shape = try TraceShape(model: "sample", modelLayers: [1, 2, 5], experts: 12, topK: 3)
    var random = SplitMix64(seed: 1)
    let requests = (0..<2).map { _ in
      RequestTrace.random(shape: shape, prefill: 20, decode: 25, empty: 0.1, using: &random)
    }
    var learner = try Learner(shape: shape, predictors: predictors)
    for chunk in try chunks(of: requests, shape: shape) { try learner.consume(chunk) }
    return learner
  }

  func bytes(_ format: any TableExporter.Type, _ learner: Learner) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try format.write(learner) { bytes += $0 }
    return bytes
  }

  @Test(.enabled(if: Python.has("numpy"), "python3 with numpy is absent"))
  func numpyReadsTheArchive() throws {
    let learner = try Self.learner()
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes(NPZTables.self, learner), to: "tables.npz")
    let printed = try Python.run(
      """
      import numpy as np, sys, zipfile
      assert zipfile.ZipFile(sys.argv[1]).testzip() is None
      z = np.load(sys.argv[1])
      print(sorted(n for n in z if '/' not in n), z['model_layers'].tolist())
      for name in ('c', 'C', 'D'):
          print(name, z[name].dtype.str, z[name].shape, z[name].sum())
      print(z['C'][2, 7].tolist())
      """, path)
    let sums = [
      learner.layers.reduce(0) { $0 + $1.counts.frequency.reduce(0, +) },
      learner.layers.reduce(0) { $0 + ($1.counts.layerPairs?.reduce(0, +) ?? 0) },
      learner.layers.reduce(0) { $0 + ($1.counts.tokenPairs?.reduce(0, +) ?? 0) },
    ]
    let row = Array((learner.layers[2].counts.layerPairs ?? []).dropFirst(84).prefix(12))
    #expect(
      printed == """
        ['C', 'D', 'c', 'experts', 'model', 'model_layers', 'predictors', 'prior_frequency', \
        'prior_row', 'top_k'] [1, 2, 5]
        c <u4 (3, 12) \(sums[0])
        C <u4 (3, 12, 12) \(sums[1])
        D <u4 (3, 12, 12) \(sums[2])
        \(row)

        """)
  }

  /// What is written begins as the exporter says, and each has a name of its own.
  @Test func exportersAreToldApart() throws {
    let learner = try Self.learner()
    for exporter in TableExporters.all {
      #expect(try bytes(exporter, learner).starts(with: exporter.beginning))
      #expect(TableExporters.named(exporter.name) == exporter)
    }
    #expect(TableExporters.named("parquet") == nil)
  }

  @Test func tablesThatAreNotKeptAreLeftOut() throws {
    let learner = try Self.learner(predictors: ["token-markov"])
    let text = String(decoding: try bytes(CSVTables.self, learner), as: UTF8.self)
    #expect(!text.contains("layer-markov"))
    #expect(text.contains("token-markov"))
    #expect(try bytes(NPZTables.self, learner).count < bytes(NPZTables.self, Self.learner()).count)
  }

  @Test func csvListsEveryCountOnce() throws {
    let learner = try Self.learner()
    let text = String(decoding: try bytes(CSVTables.self, learner), as: UTF8.self)
    let lines = text.split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    #expect(lines[0].joined(separator: ",") == "table,layer,given_layer,given_expert,expert,count")
    #expect(lines.allSatisfy { $0.count == 6 })
    var sums: [Substring: UInt64] = [:]
    for line in lines.dropFirst() { sums[line[0], default: 0] += UInt64(line[5]) ?? 0 }
    let pairs = learner.layers.map(\.counts.layerPairs)
    #expect(
      sums["layer-markov"] == pairs.reduce(0) { $0 + ($1 ?? []).reduce(0) { $0 + UInt64($1) } })
    let count = try #require(pairs[1]?.dropFirst(7 * 12 + 3).first)
    #expect(count > 0 && text.contains("layer-markov,2,1,7,3,\(count)\n"))
    #expect(!text.contains("layer-markov,1,"))
  }
}
