import Archive
import Counting
import Forecast
import Prequential
import RoutingTrace

/// NumPy's archive of all that a model knows: enough to run its forecasts elsewhere, as the article
/// <doc:ForecastsInNumPy> does.
public enum NPZTables: TableExporter {
  /// The format on the command line, and its suffix.
  public static let name = "npz"

  /// What stands in the file, for people.
  public static let summary = """
    NumPy's archive: c[l, j] counts expert j in MoE layer l, C[l, i, j] counts j in layer l after \
    i in the layer before, D[l, i, j] counts j after i at the token before, as uint32; \
    model_layers[l] is the model's number of the layer; experts, top_k, model, predictors, priors; \
    NAME/... has the tables, weights and linear rows of a predictor NAME that keeps its own; \
    metrics/NAME/... what it reached; learnt/... of what was learnt.
    """

  /// How its outputs end.
  public static let suffixes = [".npz"]

  /// As zip archives do whose first array is the layers' numbers.
  public static func mayBegin(_ head: [UInt8], of file: String) -> Bool {
    ArrayArchive.begins(head, with: firstArray)
  }

  private static let firstArray = "model_layers"

  /// Writes a learner's tables; see ``TableExporter``.
  public static func write(
    _ learner: Learner, _ settings: ExportSettings, to output: any ExportOutput
  ) throws {
    let sink: Sink = { try output.write($0, to: ExportFile.output) }
    var archive = ArrayArchive()
    let layers = learner.shape.layers
    try archive.add(firstArray, learner.shape.modelLayers.map { UInt32($0) }, [layers], sink)
    try addCounts(of: learner, to: &archive, sink)
    try addFacts(of: learner, to: &archive, sink)
    try addMetrics(of: learner, to: &archive, sink)
    for (spec, model) in zip(learner.specs.filter { $0.settings != nil }, learner.models) {
      try addState(of: model, spec, learner.shape, to: &archive, sink)
    }
    try archive.finish(sink)
  }

  private typealias Sink = (UnsafeRawBufferPointer) throws -> Void

  /// The tables of the predictors that count, as far as they are kept.
  private static func addCounts(
    of learner: Learner, to archive: inout ArrayArchive, _ sink: Sink
  ) throws {
    let (layers, experts) = (learner.shape.layers, learner.shape.experts)
    try archive.add("c", learner.layers.flatMap(\.counts.frequency), [layers, experts], sink)
    for table in PairTable.kept(of: learner) {
      try archive.add(
        table.back == 1 ? "C" : "D", table.layers.flatMap(\.self), [layers, experts, experts], sink)
    }
  }

  /// Shape, names, the formulas' additive constants, and what was learnt.
  private static func addFacts(
    of learner: Learner, to archive: inout ArrayArchive, _ sink: Sink
  ) throws {
    try archive.add("experts", [UInt32(learner.shape.experts)], [], sink)
    try archive.add("top_k", [UInt32(learner.shape.topK)], [], sink)
    try archive.add("model", [learner.shape.model], [], sink)
    try archive.add("predictors", learner.predictors, [learner.predictors.count], sink)
    for (name, value) in CountsView.priors { try archive.add(name, [value], [], sink) }
    for (name, total) in [
      ("chunks", learner.total(\.chunks)), ("tokens", learner.total(\.tokens)),
      ("requests", learner.total(\.requests)),
    ] { try archive.add("learnt/" + name, [total], [], sink) }
    try archive.add("learnt/checksums", learner.digests, [learner.digests.count], sink)
    let past = learner.past
    for (name, column) in [
      ("streams", past.map { UInt64($0.streams) }), ("chunks", past.map(\.learnt.chunks)),
      ("tokens", past.map(\.learnt.tokens)), ("requests", past.map(\.learnt.requests)),
    ] { try archive.add("learnt/past/" + name, column, [past.count], sink) }
  }

  /// What each predictor reached along the stream.
  private static func addMetrics(
    of learner: Learner, to archive: inout ArrayArchive, _ sink: Sink
  ) throws {
    let (layers, stages) = (learner.shape.layers, Stage.allCases.count)
    try archive.add("metrics/stage", Stage.allCases.map(\.name), [stages], sink)
    for (index, name) in learner.predictors.enumerated() {
      let metrics = learner.layers.map { $0.metrics[index] }
      try archive.add(
        "metrics/\(name)/events", metrics.flatMap(\.events), [layers, stages], sink)
      try archive.add(
        "metrics/\(name)/ranks", metrics.flatMap(\.ranks),
        [layers, stages, learner.shape.experts], sink)
      let bits = metrics.flatMap(\.lossSteps).map { Double($0) / LossSteps.perBit }
      try archive.add("metrics/\(name)/log_loss_bits", bits, [layers, stages], sink)
    }
  }

  /// A predictor's own tables, without those of requests under way.
  private static func addState(
    of model: LearntModel, _ spec: PredictorSpec, _ shape: TraceShape,
    to archive: inout ArrayArchive, _ sink: Sink
  ) throws {
    var tables = StateArrays(experts: shape.experts)
    var model = model.withoutRequests
    model.code(with: &tables, places: 0)
    for array in tables.arrays { try archive.add(array, under: spec.name, sink) }
    try archive.add("\(spec.name)/horizon", [UInt32(model.horizon)], [], sink)
  }
}
