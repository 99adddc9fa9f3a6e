import HDF5
import Prequential
import RoutingTrace

/// A model file being written in memory: the root, its dimension scales, then groups.
struct ModelWriter: ~Copyable {
  /// The new file.
  private let file: H5File
  /// Model layer numbers, one a MoE layer.
  let layer: Axis
  /// Ids of the experts that were chosen.
  let expert: Axis
  /// Ids of the experts that were chosen before: a layer or a token earlier.
  let givenExpert: Axis
  /// Places in a forecast, 0 for the best.
  let rank: Axis
  /// `prefill`, `decode`.
  let stage: Axis

  /// The bytes of the model file of `learner`, without its seal.
  static func bytes(of learner: Learner) throws(H5Error) -> [UInt8] {
    let writer = try ModelWriter(ModelHeader(learner))
    for component in Components.all { try component.write(learner, to: writer) }
    return try writer.file.bytes()
  }

  /// A new file with the root's attributes and the dimension scales.
  private init(_ header: ModelHeader) throws(H5Error) {
    let file = try H5File(limits: ModelLimits.hdf5)
    var root = try GroupWriter(file.rootGroup())
    try header.write(to: &root)
    let shape = header.shape
    let experts = (0..<shape.experts).map { UInt16($0) }
    let axes = (
      try root.createAxis(
        "layer", shape.modelLayers.map { UInt16($0) }, note: "model layer number of a MoE layer"),
      try root.createAxis("expert", experts, note: "expert that was chosen"),
      try root.createAxis(
        "given_expert", experts, note: "expert chosen a layer or a token before"),
      try root.createAxis("rank", experts, note: "place in a forecast, 0 for the best"),
      try root.createAxis("stage", Stage.allCases.map(\.name), note: "stage of serving")
    )
    try root.finish()
    (layer, expert, givenExpert, rank, stage) = axes
    self.file = file
  }

  /// Makes the group `name` below the root.
  func group(_ name: String) throws(H5Error) -> GroupWriter {
    GroupWriter(try file.root.createGroup(name))
  }
}
