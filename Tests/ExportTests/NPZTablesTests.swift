import Counting
import Export
import Forecast
import Prequential
import TestSupport
import Testing

@Suite struct NPZTablesTests {
  @Test(.enabled(if: Python.has("numpy"), "python3 with numpy is absent"))
  func numpyReadsTheArchive() throws {
    let learner = try sampleLearner()
    let folder = try TemporaryFolder()
    let path = try folder.write(exported(learner, by: NPZTables.self).output, to: "tables.npz")
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

  @Test func tablesThatAreNotKeptAreLeftOut() throws {
    let one = try sampleLearner(predictors: ["token-markov"])
    #expect(
      try exported(one, by: NPZTables.self).output.count
        < exported(sampleLearner(), by: NPZTables.self).output.count)
    let tables = try exported(one, by: CSVTables.self)
    #expect(
      tables.closed == ["facts.csv", "frequency.csv", "token-markov.csv", "metrics.csv"])
  }
}
