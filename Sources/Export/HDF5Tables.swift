import Counting
import HDF5
import Prequential
import RoutingTrace

/// An HDF5 file of a model's tables for simulators, every axis named by a dimension scale, so that
/// xarray opens it as it is.
///
/// The model file itself is HDF5 too, with all that learning goes on from; this one has what others
/// compute with. It is put together in memory, whole.
public enum HDF5Tables: TableExporter {
  /// The format on the command line.
  public static let name = "hdf5"

  /// What stands in the file, for people.
  public static let summary = """
    HDF5 for simulators: frequency (layer, expert), layer_markov and token_markov (layer, \
    given_expert, expert), events, recall_at_k and log_loss_bits (predictor, layer, stage), each axis \
    a dimension scale (layer by the model's numbers); attributes model, experts, top_k and what was \
    learnt. \
    xarray and h5py read it.
    """

  /// How its outputs end.
  public static let suffixes = [".h5", ".hdf5"]

  /// As HDF5 files do.
  public static func mayBegin(_ head: [UInt8], of file: String) -> Bool {
    head.starts(with: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A])
  }

  /// Models and load profiles are HDF5 too; where the root says what it is, its beginning does not.
  public static let isOne: (@Sendable ([UInt8]) -> Bool)? = { bytes in
    (try? H5File(bytes: bytes).rootGroup().string("encoding-type")) == encoding
  }

  /// The attribute that tells such a file from a model.
  static let encoding = "moecast-tables"

  /// Writes a learner's tables; see ``TableExporter``.
  public static func write(
    _ learner: Learner, _ settings: ExportSettings, to output: any ExportOutput
  ) throws {
    let shape = learner.shape
    let file = try H5File(limits: H5Limits(datasetBytes: 3 << 30))
    let root = try file.rootGroup()
    try root.set("encoding-type", to: encoding)
    try root.set("encoding-version", to: "1")
    try root.set("model", to: shape.model)
    try root.set("experts", to: UInt32(shape.experts))
    try root.set("top_k", to: UInt32(shape.topK))
    for (name, value) in ModelFacts(learner).ofLearning where name != ModelFacts.checksums {
      try root.set(name, to: value)
    }
    // Too many for an attribute, which ends at 64 KB.
    let checksums = try root.create(
      ModelFacts.checksums, learner.digests, shape: [learner.digests.count])
    try checksums.makeScale(ModelFacts.checksums)
    try checksums.set("description", to: "digests of the chunks that were learnt")
    let axes = try Axes(learner, in: try file.rootGroup())
    try axes.create(
      "frequency", learner.layers.flatMap(\.counts.frequency), ["layer", "expert"],
      "how often the expert was chosen")
    for table in PairTable.kept(of: learner) {
      try axes.create(
        table.name.replacing("-", with: "_"),
        table.layers.flatMap(\.self), ["layer", "given_expert", "expert"],
        table.back == 0
          ? "how often the expert followed the one given at the request's next token"
          : "how often the expert followed the one given, of the layer before")
    }
    try writeMetrics(of: learner, axes)
    try output.write(try file.bytes())
  }

  /// What each predictor reached: NaN where nothing was scored.
  private static func writeMetrics(of learner: Learner, _ axes: borrowing Axes) throws {
    let scores = learner.predictors.indices.flatMap { index in
      learner.layers.flatMap { layer in
        Stage.allCases.map { layer.metrics[index].score(of: [$0]) }
      }
    }
    let place = ["predictor", "layer", "stage"]
    try axes.create("events", scores.map(\.events), place, "events scored")
    try axes.create(
      "recall_at_k", scores.map { $0.recall(at: learner.shape.topK) ?? .nan }, place,
      "share of the choices among the top_k best ranked")
    try axes.create(
      "log_loss_bits", scores.map { $0.logLossBits ?? .nan }, place,
      "mean over events of -(1/K) sum over the chosen of log2 p", units: "bits")
  }

  /// The dimension scales of the file.
  private struct Axes: ~Copyable {
    private let root: H5Group
    /// Lengths by name.
    private let lengths: [String: Int]

    init(_ learner: Learner, in root: consuming H5Group) throws {
      let shape = learner.shape
      let experts = (0..<shape.experts).map { UInt16($0) }
      for (name, values, note) in [
        ("layer", shape.modelLayers.map { UInt16($0) }, "the model's own number of the layer"),
        ("expert", experts, "expert that was chosen"),
        ("given_expert", experts, "expert that was chosen before"),
      ] {
        let scale = try root.create(name, values, shape: [values.count])
        try scale.makeScale(name)
        try scale.set("description", to: note)
      }
      for (name, values, note) in [
        ("stage", Stage.allCases.map(\.name), "stage of serving"),
        ("predictor", learner.predictors, "who forecasts"),
      ] {
        let scale = try root.create(name, values)
        try scale.makeScale(name)
        try scale.set("description", to: note)
      }
      lengths = [
        "layer": shape.layers, "expert": shape.experts, "given_expert": shape.experts,
        "stage": Stage.allCases.count, "predictor": learner.predictors.count,
      ]
      self.root = root
    }

    /// Writes a table along these axes.
    borrowing func create<Value: H5Element>(
      _ name: String, _ values: [Value], _ axes: [String], _ note: String, units: String = "1"
    ) throws {
      let shape = axes.map { lengths[$0] ?? 0 }
      let dataset = try root.create(
        name, values, shape: shape,
        layout: .rows(of: shape, elementSize: Value.elementType.size))
      for (index, axis) in axes.enumerated() {
        try dataset.attach(try root.dataset(axis), toAxis: index)
      }
      try dataset.set("description", to: note)
      try dataset.set("units", to: units)
    }
  }
}
