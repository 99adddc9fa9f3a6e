import Counting
import Forecast
import HDF5
import Prequential
import RoutingTrace

/// The root of a model file: what it is, of which shape, and how far its stream was read.
/// ``Checkpoint/header(of:catalog:)`` reads it without the tables.
public struct ModelHeader: Hashable, Sendable {
  /// `encoding-type` of every model file.
  public static let encodingType = "moecast-model"
  /// Where a file says that.
  static let encodingTypePath = "/@encoding-type"
  /// The version this program writes.
  public static let encodingVersion = "3"
  /// The versions this program reads; before 3, predictors' tables were columns without axes.
  static let readVersions = 2...3
  /// This program and its version, written into every model and said by `moecast --version`.
  public static let software = "moecast 0.1.0"

  /// The version of the schema that the file is in.
  public var version: Int
  /// The program that wrote the file.
  public var software: String
  /// The shape of the traces that were learnt.
  public var shape: TraceShape
  /// The predictors, in the order of their metrics.
  public var specs: [PredictorSpec]
  /// The n of recall@n along the stream.
  public var recallAt: [Int]
  /// Requests under way that are remembered at most.
  public var liveRequests: Int
  /// Chunks learnt, those of earlier generations too, as all sums here.
  public var chunks: UInt64
  /// Tokens learnt.
  public var tokens: UInt64
  /// Events learnt: tokens times MoE layers.
  public var events: UInt64
  /// Requests begun.
  public var requests: UInt64

  /// The header of a learner that this program writes.
  init(_ learner: Learner) {
    version = Self.readVersions.upperBound
    software = Self.software
    shape = learner.shape
    specs = learner.specs
    recallAt = learner.recallAt
    liveRequests = learner.requests.capacity
    chunks = learner.total(\.chunks)
    tokens = learner.total(\.tokens)
    events = learner.total(\.events)
    requests = learner.total(\.requests)
  }

  /// Names of the predictors, in the order of their metrics.
  public var predictors: [String] { specs.names }

  /// Additive constants of the count-based predictors (`c + 1/2`, rows `+ 2 P0`), kept in the file
  /// so that a later program cannot take counts for those of another formula.
  private static let priors = CountsView.priors

  /// Whether the file's own words say that another version of this program wrote it, or one that
  /// knows other predictors.
  static func isOfAnotherProgram(_ error: H5Error) -> Bool {
    error.kind == .forbidden
      && (["encoding-version", "predictors"] + priors.map(\.key)).contains {
        error.path == "/@" + $0
      }
  }

  /// Writes the root's attributes.
  func write(to root: inout GroupWriter) throws(H5Error) {
    try root.set("encoding-type", to: Self.encodingType)
    try root.set("encoding-version", to: Self.encodingVersion)
    try root.set("software", to: software)
    try root.set("model", to: shape.model)
    try root.set("experts", to: UInt32(shape.experts))
    try root.set("top_k", to: UInt32(shape.topK))
    try root.set("predictors", to: predictors.joined(separator: ","))
    try root.set("recall_at", to: recallAt.map { UInt32($0) })
    try root.set("live_requests", to: UInt64(liveRequests))
    for (name, value) in Self.priors { try root.set(name, to: value) }
    try root.set("chunks", to: chunks)
    try root.set("tokens", to: tokens)
    try root.set("events", to: events)
    try root.set("requests", to: requests)
  }

  /// Reads and checks the root's attributes and the axis of layers.
  ///
  /// - Parameter catalog: the predictors that are known.
  init(reading root: inout GroupReader, catalog: PredictorCatalog) throws(H5Error) {
    let kind = try root.string("encoding-type")
    guard kind == Self.encodingType else {
      throw H5Error(
        .mismatch, at: Self.encodingTypePath, "is '\(kind)', not '\(Self.encodingType)'")
    }
    let text = try root.string("encoding-version")
    guard let version = Self.readVersions.first(where: { "\($0)" == text }) else {
      throw H5Error(
        .forbidden, at: "/@encoding-version",
        "is '\(text)', and this program reads versions \(Self.readVersions.lowerBound) to "
          + Self.encodingVersion)
    }
    self.version = version
    software = try root.string("software")
    let model = try root.string("model")
    let experts = try root.number("experts", as: UInt32.self)
    let topK = try root.number("top_k", as: UInt32.self)
    let layers = try root.column("layer", as: UInt16.self, limit: 4096)
    do throws(ShapeError) {
      shape = try TraceShape(
        model: model, modelLayers: layers.map { Int($0) }, experts: Int(experts), topK: Int(topK))
    } catch {
      throw H5Error(.mismatch, at: "/", error.description)
    }
    let names = try root.string("predictors")
    do throws(PredictorNameError) {
      specs = try catalog.specs(named: names.split(separator: ",").map(String.init))
    } catch {
      switch error {
      case .repeated: throw H5Error(.mismatch, at: "/@predictors", "names a predictor twice")
      case .unknown(let name, _):
        throw H5Error(.forbidden, at: "/@predictors", "names '\(name)', which is not known here")
      }
    }
    recallAt = try root.numbers("recall_at", as: UInt32.self).map { Int($0) }
    guard zip(recallAt, recallAt.dropFirst()).allSatisfy(<), recallAt.allSatisfy({ $0 > 0 }) else {
      throw H5Error(.mismatch, at: "/@recall_at", "does not ascend from 1")
    }
    let capacity = try root.number("live_requests", as: UInt64.self)
    liveRequests = Int(clamping: capacity)
    let settings = ModelLimits.Settings(
      shape: shape, specs: specs, recallAt: recallAt, liveRequests: liveRequests)
    if let fault = settings.fault { throw H5Error(.tooLarge, at: "/", fault.problem) }
    for (name, value) in Self.priors {
      let found = try root.number(name, as: Double.self)
      guard found == value else {
        throw H5Error(.forbidden, at: "/@\(name)", "is \(found); this program uses \(value)")
      }
    }
    chunks = try root.number("chunks")
    tokens = try root.number("tokens")
    events = try root.number("events")
    requests = try root.number("requests")
    guard tokens <= UInt64(LayerCounts.maximumTokens) else {
      throw H5Error(.mismatch, at: "/@tokens", "is over \(LayerCounts.maximumTokens)")
    }
    guard events == tokens * UInt64(shape.layers) else {
      throw H5Error(.mismatch, at: "/@events", "is not tokens times layers")
    }
    guard chunks <= Learner.maximumChunks, tokens == 0 || chunks > 0 else {
      throw H5Error(
        .mismatch, at: "/@chunks",
        "is \(chunks) for \(tokens) tokens; at most \(Learner.maximumChunks) are possible")
    }
    guard requests <= chunks * UInt64(Learner.maximumRequestsInChunk) else {
      throw H5Error(
        .mismatch, at: "/@requests", "is \(requests), more than \(chunks) chunks can begin")
    }
  }
}
