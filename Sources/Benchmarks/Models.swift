import CReferenceKernels
import Counting
import Forecast
import ModelFile
import Prequential
import RoutingTrace

/// Checkpoints and merging for the tables of one model, and how long a stream stands still for one.
func model(_ trace: SyntheticTrace, _ rounds: Rounds) throws -> [ResultRow] {
  let folder = try TemporaryFolder()
  defer { folder.remove() }
  var learner = try Learner(shape: trace.shape, predictors: ["layer-markov"])
  for chunk in trace.chunks { try learner.consume(chunk, workers: 2) }
  let path = folder.path + "/model.h5"
  let written = learner
  var read: Learner?
  let nothing = LayerCounts(experts: trace.shape.experts, tables: .layerPairs)
  let seconds = try rounds.medians(
    [
      { try Checkpoint.write(written, to: path, keeping: 0) },
      { read = try Checkpoint.read(path).learner },
      { _ = try Checkpoint.bytes(of: written) },
      {
        // What the next chunk copies of the tables while a checkpoint under way holds them.
        var tables = written.layers.map(\.counts)
        for layer in tables.indices { tables[layer].add(nothing) }
      },
    ], by: .wall)
  guard read == written else { throw BenchmarkError.differs("models written and read") }

  let layer = learner.layers[0].counts
  var sum = layer
  var cells = Array(layer.layerPairs ?? [])
  let other = cells
  let merge = try rounds.row(
    "merging one layer's tables, 256 x 256", "M cells/s", work: Double(other.count) * 100 / 1e6,
    against: "C, this processor"
  ) {
    for _ in 0..<100 { sum.add(layer) }
  } ceilingBody: {
    for _ in 0..<100 { ceiling_add(&cells, other, other.count) }
  }
  return [
    ResultRow(
      what: "checkpoint, written, synced and read back", unit: "ms", ours: seconds[0] * 1e3,
      isTime: true),
    ResultRow(
      what: "of that the file's bytes in memory", unit: "ms", ours: seconds[2] * 1e3, isTime: true),
    ResultRow(
      what: "of that the stream waits for, at most", unit: "ms", ours: seconds[3] * 1e3,
      ceiling: 50, ceilingName: "the goal", isTime: true),
    ResultRow(
      what: "checkpoint, read and checked", unit: "ms", ours: seconds[1] * 1e3, isTime: true),
    merge,
  ]
}
