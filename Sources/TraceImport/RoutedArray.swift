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
  /// The first element that is no id of any model.
  let outOfRange: (index: Int, value: Int)?

  /// Takes the elements of an array of three axes.
  ///
  /// - Parameter experts: experts of a MoE layer.
  init(_ array: NPYArray, experts: Int) throws(ArchiveError) {
    guard array.shape.count == 3 else {
      throw ArchiveError(
        "its shape is \(array.shape) instead of [tokens, layers, k]",
        remedy: "save the expert ids of one request as one array [tokens, layers, k]")
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
    (ids, outOfRange) = try array.ids(experts: experts)
  }

  /// The axes, as the array has them.
  var shape: [Int] { [tokens, layers, topK] }

  /// An axis longer than this is more likely one of tokens than one of layers.
  private static let manyLayers = 128

  /// The array as a request whose layers have no numbers.
  var request: RawRequest {
    var request = RawRequest(
      tokens: tokens, layers: .counted(layers), topK: topK, ids: ids,
      firstOutOfRange: outOfRange?.value)
    if layers > Self.manyLayers, tokens <= Self.manyLayers { request.remarks.append(.axes(shape)) }
    return request
  }

  /// This array with the tokens of `other` behind its own; nil where layers or top-k differ.
  func joined(with other: RoutedArray) -> RoutedArray? {
    guard other.layers == layers, other.topK == topK else { return nil }
    return RoutedArray(
      tokens: tokens + other.tokens, layers: layers, topK: topK, ids: ids + other.ids,
      outOfRange: outOfRange ?? other.outOfRange)
  }

  private init(
    tokens: Int, layers: Int, topK: Int, ids: [UInt16], outOfRange: (index: Int, value: Int)?
  ) {
    self.tokens = tokens
    self.layers = layers
    self.topK = topK
    self.ids = ids
    self.outOfRange = outOfRange
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
