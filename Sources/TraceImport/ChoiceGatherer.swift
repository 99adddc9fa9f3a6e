import RoutingTrace

/// Gathers the events of one request from a text of numbers, the prompt's and what was decoded.
///
/// The first event tells how many experts a token takes, where neither the shape nor the options do.
struct ChoiceGatherer {
  /// What is wrong with an event; its reader adds the place.
  struct Problem: Error {
    var text: String
    var remedy = "leave the line out, or write the table again"
  }

  /// Ids in an event, once known.
  private(set) var topK: Int?
  /// Whether the parts tell the prompt.
  private let tellsPrompt: Bool
  private let stepEnd: LoggedRequest.StepEnd
  private var prompt: LoggedRequest?
  private var decoded: LoggedRequest?

  /// - Parameters:
  ///   - topK: ids in an event, where that is known.
  ///   - tellsPrompt: whether ``add(place:layer:ids:count:isDecoded:)`` is told what is decoded.
  init(topK: Int?, tellsPrompt: Bool, stepEnd: LoggedRequest.StepEnd) {
    self.topK = topK
    self.tellsPrompt = tellsPrompt
    self.stepEnd = stepEnd
  }

  /// Whether nothing was added.
  var isEmpty: Bool { prompt == nil && decoded == nil }

  /// Adds an event of as many ids as are there, and as many weights or none, not known to be decoded.
  mutating func add(
    place: Int, layer: Int, ids: inout [UInt16], weights: inout [Float16]
  ) throws(Problem) {
    let topK = try settleTopK(ids.count)
    if ids.count < topK {
      ids += repeatElement(TokenBlock.emptySlot, count: topK - ids.count)
    }
    if !weights.isEmpty, weights.count < topK {
      weights += repeatElement(0, count: topK - weights.count)
    }
    if prompt == nil { prompt = LoggedRequest(name: "", topK: topK, stepEnd: stepEnd) }
    prompt?.add(place: Int32(clamping: place), layer: layer, ids: ids, weights: weights)
  }

  /// Ids in an event, at most.
  static let mostIDs = 64

  /// Adds an event without weights: the first `count` of `room`, which has places for more than
  /// ``mostIDs``. Nothing is added where it throws.
  mutating func add(
    place: Int, layer: Int, ids room: UnsafeMutableBufferPointer<UInt16>, count: Int,
    isDecoded: Bool = false
  ) throws(Problem) {
    let topK = try settleTopK(count)
    for slot in count..<topK { room[slot] = TokenBlock.emptySlot }
    let place = Int32(clamping: place)
    let ids = UnsafeBufferPointer(rebasing: room[..<topK])
    let weights = UnsafeBufferPointer<Float16>(start: nil, count: 0)
    if isDecoded {
      if decoded == nil { decoded = LoggedRequest(name: "", topK: topK, stepEnd: stepEnd) }
      decoded?.add(place: place, layer: layer, ids: ids, weights: weights)
    } else {
      if prompt == nil { prompt = LoggedRequest(name: "", topK: topK, stepEnd: stepEnd) }
      prompt?.add(place: place, layer: layer, ids: ids, weights: weights)
    }
  }

  /// Adds the events of a step's tokens in one layer; `ids` are a whole number of events of `own`
  /// ids, or of as many as all have. Nothing is added where it throws.
  mutating func addLayer(_ layer: Int, ids: [UInt16], topK own: Int? = nil) throws(Problem) {
    let topK = try settleTopK(own ?? 1)
    guard own ?? topK == topK else {
      throw Problem(
        text: "\(own ?? 0) expert ids in an event of top-\(topK)",
        remedy: "give the shape of the model that was traced, or its --top-k with --experts")
    }
    if prompt == nil { prompt = LoggedRequest(name: "", topK: topK, stepEnd: stepEnd) }
    let isAdded =
      ids.withUnsafeBufferPointer {
        prompt?.addLayer(layer, count: ids.count / topK, ids: $0)
      } ?? false
    guard isAdded else {
      throw Problem(
        text: "\(ids.count / topK) tokens, more than in the layers of the step before it",
        remedy: "record the trace again, or cut it off before this step")
    }
  }

  /// Ids in an event; those of the first are as many as all take, where nobody tells.
  @inline(__always)
  private mutating func settleTopK(_ count: Int) throws(Problem) -> Int {
    let topK = self.topK ?? max(1, count)
    guard count <= topK, topK <= Self.mostIDs else {
      throw Problem(
        text: "\(count) expert ids in an event; at most \(min(topK, Self.mostIDs)) are possible",
        remedy: "give the shape of the model that was traced, or its --top-k with --experts")
    }
    if self.topK == nil { self.topK = topK }
    return topK
  }

  /// All that was added, as one request; nil where nothing was.
  mutating func take() -> LoggedRequest? {
    defer { (prompt, decoded) = (nil, nil) }
    guard let topK, !isEmpty else { return nil }
    var request = prompt ?? LoggedRequest(name: "", topK: topK, stepEnd: stepEnd)
    if tellsPrompt {
      request.append(
        decoded: decoded ?? LoggedRequest(name: "", topK: topK, stepEnd: stepEnd))
    }
    return request
  }
}
