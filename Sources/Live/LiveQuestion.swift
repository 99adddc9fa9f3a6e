import RoutingTrace

/// What an engine says of one request in JSON: `{"request": 7, "stage": "decode"}`, `{"request": 7,
/// "layer": 0, "experts": [5, 2]}` or `{"request": 7, "end": true}`; layers bear the model's own
/// numbers. Lines of `moecast forecast --live` and bodies of the service are such.
public struct LiveQuestion: Decodable, Hashable, Sendable {
  /// The request's number.
  public var request: UInt64
  /// The stage of the token that begins, by name; decode unless told.
  public var stage: String?
  /// The task of the request that begins.
  public var task: String?
  /// The layer that was observed, by the model's own number.
  public var layer: Int?
  /// What was chosen there.
  public var experts: [Int]?
  /// Whether the request ends.
  public var end: Bool?

  /// Why a question cannot be answered, in one line.
  public struct Problem: Error, Hashable, CustomStringConvertible {
    /// Its kind.
    public enum Kind: Hashable, Sendable {
      /// Its parts do not go together, or are out of their range.
      case malformed
      /// The layer is not the next one.
      case outOfOrder
      /// The experts are no choice of this router.
      case badChoice
    }

    /// Its kind.
    public var kind: Kind
    /// The line.
    public var description: String
  }

  /// The stage of the token that begins.
  ///
  /// - Throws: ``Problem`` where the name is none.
  public func knownStage() throws(Problem) -> Stage {
    guard let name = stage else { return .decode }
    guard let stage = Stage.allCases.first(where: { $0.name == name }) else {
      throw Problem(kind: .malformed, description: "stage is prefill or decode")
    }
    return stage
  }

  /// The experts as a row of `topK` ids, empty slots last; nil where none are told.
  ///
  /// - Parameters:
  ///   - shape: the model's.
  ///   - known: layers of the request's open token that were observed; nil while none is open.
  /// - Throws: ``Problem`` where the layer is not the next, or the experts are no choice.
  public func row(of shape: TraceShape, known: Int?) throws(Problem) -> [UInt16]? {
    guard let layer else {
      guard experts == nil else {
        throw Problem(kind: .malformed, description: "experts without a layer")
      }
      guard known == nil || stage == nil else {
        throw Problem(
          kind: .outOfOrder,
          description: "a token of request \(request) is open; its stage was told")
      }
      return nil
    }
    guard let experts else {
      throw Problem(kind: .malformed, description: "a layer without experts")
    }
    let next = shape.modelLayers[known ?? 0]
    guard layer == next else {
      throw Problem(
        kind: .outOfOrder, description: "layer \(layer) is out of order; layer \(next) is next")
    }
    guard experts.count <= shape.topK else {
      throw Problem(
        kind: .badChoice,
        description: "\(experts.count) experts; a token takes \(shape.topK) at most")
    }
    if let id = experts.first(where: { !(0..<shape.experts).contains($0) }) {
      throw Problem(
        kind: .badChoice, description: "expert \(id) is outside 0 to \(shape.experts - 1)")
    }
    guard Set(experts).count == experts.count else {
      throw Problem(kind: .badChoice, description: "an expert twice")
    }
    let empty = repeatElement(TokenBlock.emptySlot, count: shape.topK - experts.count)
    return experts.map { UInt16($0) } + empty
  }

  /// What the end of the request is answered with.
  public var ended: String { "{\"request\": \(request), \"ended\": true}" }

  /// What is answered where no forecast is: how far the request has come.
  public func answer(_ progress: LiveForecaster.Progress) -> String {
    if let known = progress.known {
      return "{\"request\": \(request), \"token\": \(progress.position), \"known\": \(known)}"
    }
    return "{\"request\": \(request), \"token\": \(progress.position - 1), \"closed\": true}"
  }
}
