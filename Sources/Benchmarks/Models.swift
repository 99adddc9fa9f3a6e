import CCeilings
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
  var loaded: Learner?
  let seconds = try rounds.medians(
    [
      { try Checkpoint.write(learner, to: path, keeping: 0) },
      { loaded = try Checkpoint.read(path).learner },
      { _ = try Checkpoint.bytes(of: learner) },
    ], by: .wall)
  guard loaded == learner else { throw BenchmarkError.differs("models written and read") }

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
      what: "checkpoint, read and checked", unit: "ms", ours: seconds[1] * 1e3, isTime: true),
    merge,
  ]
}
