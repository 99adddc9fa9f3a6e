import Archive

/// An array `[tokens, layers, k]` of expert ids, as vLLM and NumPy archives have them.
struct RoutedArray {
  /// Numbers that a model's layers can have, and ids an event can have; see
  /// `RoutingTrace/TraceShape`.
  private static let mostLayers = 65_536
  private static let largestTopK = 64

  /// Rows of the array.
  let tokens: Int
  /// Layers of the array, dense ones too where the source has them.
  let layers: Int
  /// Ids in an event (K).
  let topK: Int
  /// `[token, layer, slot]`.
  let ids: [UInt16]
  /// The first element that cannot be an id, if any.
  let oversized: (index: Int, value: Int)?

  /// Takes the elements of an array of three axes.
  init(_ array: NPYArray) throws(ArchiveError) {
    guard array.shape.count == 3 else {
      throw ArchiveError(
        "its shape is \(array.shape) instead of [tokens, layers, k]",
        remedy: "save the expert ids of one request as one array")
    }
    guard array.shape[1] > 0, array.shape[2] > 0 else {
      throw ArchiveError("its shape is \(array.shape): no layers or no ids")
    }
    // The axes are bounded here, since the bytes of an array of no tokens bound nothing.
    guard array.shape[1] <= Self.mostLayers, array.shape[2] <= Self.largestTopK else {
      throw ArchiveError(
        "its shape is \(array.shape): at most \(Self.mostLayers) layers and \(Self.largestTopK) ids a "
          + "layer are possible",
        remedy: "save the expert ids of one request as [tokens, layers, k]")
    }
    tokens = array.shape[0]
    layers = array.shape[1]
    topK = array.shape[2]
    (ids, oversized) = try array.ids()
  }

  /// The array as a request whose layers have no numbers.
  ///
  /// - Parameter member: the array's name in an archive, for messages.
  static func request(
    _ array: RoutedArray?, reader: ArrayReader, bounds: EventBounds, member: String?
  ) throws(ImportError) -> RawRequest {
    guard let array else {
      throw ImportError(
        .notATrace, file: reader.file, problem: "it has no array \(member ?? "")",
        remedy: "choose another --format, or leave the file out")
    }
    if let (index, value) = array.oversized {
      throw ImportError(
        .invalid, file: reader.file, member: member,
        token: index / (array.layers * array.topK), layer: index / array.topK % array.layers,
        problem: "expert \(value) is outside 0 to \(bounds.experts - 1)",
        remedy: "check --shape or --experts")
    }
    return RawRequest(
      tokens: array.tokens, layers: .counted(array.layers), topK: array.topK, ids: array.ids)
  }
}

/// Gives what is wrong with an array the place it lacks.
struct ArrayReader {
  /// The file that arrays are read from.
  let file: String

  /// Runs `body`; its problem is told of the file and of the array `member`.
  func of<Result>(
    _ member: String?, _ body: () throws(ArchiveError) -> Result
  ) throws(ImportError) -> Result {
    do {
      return try body()
    } catch {
      throw ImportError(
        .malformed, file: file, member: member, problem: error.problem, remedy: error.remedy)
    }
  }
}
