import Forecast
import ModelFile
import Prequential
import RoutingTrace
import TestSupport
import Testing

@Suite struct TableExportTests {
  func bytes(_ format: TableExport, _ learner: Learner) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try format.write(learner) { bytes += $0 }
    return bytes
  }

  @Test(.enabled(if: Python.has("numpy"), "python3 with numpy is absent"))
  func numpyReadsTheArchive() throws {
    let learner = try Samples.learner()
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes(.npz, learner), to: "tables.npz")
    let printed = try Python.run(
      """
      import numpy as np, sys, zipfile
      assert zipfile.ZipFile(sys.argv[1]).testzip() is None
      z = np.load(sys.argv[1])
      print(sorted(z), z['model_layers'].tolist())
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
        ['C', 'D', 'c', 'model_layers'] [1, 2, 5]
        c <u4 (3, 12) \(sums[0])
        C <u4 (3, 12, 12) \(sums[1])
        D <u4 (3, 12, 12) \(sums[2])
        \(row)

        """)
  }

  @Test func tablesThatAreNotKeptAreLeftOut() throws {
    let shape = try Samples.shape()
    let learner = try Samples.learner(
      Samples.chunks(shape: shape), shape: shape, predictors: ["token-markov"])
    let text = String(decoding: try bytes(.csv, learner), as: UTF8.self)
    #expect(!text.contains("layer-markov"))
    #expect(text.contains("token-markov"))
    #expect(try bytes(.npz, learner).count < bytes(.npz, Samples.learner()).count)
  }

  @Test func csvListsEveryCountOnce() throws {
    let learner = try Samples.learner()
    let text = String(decoding: try bytes(.csv, learner), as: UTF8.self)
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
