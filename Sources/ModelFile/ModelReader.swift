import Forecast
import HDF5
import Prequential
import RoutingTrace

/// A model file being read from memory.
struct ModelReader: ~Copyable {
  /// The open file.
  private let file: H5File
  /// The root's attributes.
  let header: ModelHeader

  /// The learner in a model file's bytes; every group's digest, every type, shape and range
  /// checked.
  ///
  /// - Parameters:
  ///   - catalog: the predictors that are known.
  ///   - requiringTotals: whether ``Totals`` that do not agree are an error.
  static func learner(
    in image: H5Image, limits: H5Limits, catalog: PredictorCatalog, requiringTotals: Bool = true
  ) throws(H5Error) -> (learner: Learner, header: ModelHeader) {
    let reader = try ModelReader(image, limits: limits, catalog: catalog)
    var state = LearnerState()
    for component in Components.all { try component.read(into: &state, from: reader) }
    let learner = state.learner(reader.header)
    if requiringTotals, let problem = Totals(learner).problems.first {
      let parts = problem.split(separator: ":", maxSplits: 1)
      throw H5Error(.mismatch, at: String(parts[0]), "does not add up:\(parts[1])")
    }
    return (learner, reader.header)
  }

  /// Reads the root alone.
  init(_ image: H5Image, limits: H5Limits, catalog: PredictorCatalog) throws(H5Error) {
    let file = try H5File(reading: image, limits: limits)
    var root = try GroupReader(file.rootGroup())
    let header = try ModelHeader(reading: &root, catalog: catalog)
    for name in ["expert", "given_expert", "rank"] {
      let ids = try root.column(name, as: UInt16.self, limit: header.shape.experts)
      guard ids.elementsEqual((0..<header.shape.experts).lazy.map { UInt16($0) }) else {
        throw H5Error(.mismatch, at: "/\(name)", "does not count the experts from 0")
      }
    }
    let stages = try root.strings("stage", limit: 2)
    guard stages == Stage.allCases.map(\.name) else {
      throw H5Error(.mismatch, at: "/stage", "does not name the stages prefill and decode")
    }
    try root.finish(groups: Set(Components.all.flatMap { $0.groups }))
    self.file = file
    self.header = header
  }

  /// Opens the group `name` below the root.
  func group(_ name: String) throws(H5Error) -> GroupReader {
    GroupReader(try file.root.group(name))
  }

  /// Whether there is a group `name` below the root.
  func hasGroup(_ name: String) throws(H5Error) -> Bool { try file.root.contains(name) }
}
