import RoutingTrace

/// One request of several sources that each hold other layers of it: those of one rank, or one
/// layer a file.
///
/// Nothing but the rows themselves may tell that two files are of the same tokens, so all that they
/// have in common must agree: the number of tokens, top-k, the prompt's length, the tokens' ids, and
/// whether there are gate weights.
struct JoinedRequest {
  /// The request over the layers of all, in ascending order; layers without numbers in the order of
  /// the sources.
  let request: RawRequest

  /// - Parameters:
  ///   - parts: the requests, of which there is at least one.
  ///   - files: where each comes from, for messages.
  /// - Throws: ``ImportError`` where they do not correspond.
  /// - Complexity: O(ids).
  init(_ parts: [RawRequest], of files: [String]) throws(ImportError) {
    precondition(parts.count == files.count && !parts.isEmpty, "a file a part")
    for (part, file) in zip(parts, files).dropFirst() {
      try Self.check(part, file: file, against: parts[0], first: files[0])
    }
    guard parts.count > 1 else {
      request = parts[0]
      return
    }
    let (axis, places) = try Self.layers(of: parts, files: files)
    var joined = parts[0]
    let stride = axis.count * joined.topK
    joined.layers = axis
    joined.ids = Array(repeating: TokenBlock.emptySlot, count: joined.tokens * stride)
    if joined.weights != nil { joined.weights = Array(repeating: 0, count: joined.ids.count) }
    for (part, layers) in zip(parts, places) {
      Self.scatter(part.ids, of: part, to: layers, stride: stride, into: &joined.ids)
      if let weights = part.weights, var column = joined.weights.take() {
        Self.scatter(weights, of: part, to: layers, stride: stride, into: &column)
        joined.weights = column
      }
    }
    joined.prefill = parts.lazy.compactMap(\.prefill).first
    joined.firstOutOfRange = parts.lazy.compactMap(\.firstOutOfRange).first
    joined.tokenIDs = parts.lazy.compactMap(\.tokenIDs).first
    joined.remarks = parts.flatMap(\.remarks)
    request = joined
  }

  /// Throws where `part` cannot be of the same tokens as `other`.
  private static func check(
    _ part: RawRequest, file: String, against other: RawRequest, first: String
  ) throws(ImportError) {
    let name = lastComponent(first)
    func fault(_ problem: String, token: Int? = nil) -> ImportError {
      ImportError(
        .mismatch, file: file, token: token, problem: problem,
        remedy: "they are not of one run: join files of the same requests, in the same order")
    }
    guard part.tokens == other.tokens else {
      throw fault("it has \(part.tokens) tokens there, but \(name) has \(other.tokens)")
    }
    guard part.topK == other.topK else {
      throw fault("it is top-\(part.topK), but \(name) is top-\(other.topK)")
    }
    if let own = part.prefill, let others = other.prefill, own != others {
      throw fault("its prompt has \(own) tokens, but that of \(name) \(others)")
    }
    if let own = part.tokenIDs, let others = other.tokenIDs,
      let token = zip(own, others).enumerated().first(where: { $1.0 != $1.1 })?.offset
    {
      throw fault(
        "the token's id is \(own[token]), but in \(name) it is \(others[token])", token: token)
    }
    guard (part.weights != nil) == (other.weights != nil) else {
      throw ImportError(
        .mismatch, file: file,
        problem: "it has \(part.weights != nil ? "" : "no ")gate weights, unlike \(name)",
        remedy: "leave gate weights out with --no-weights")
    }
  }

  /// The layers of all, and which of them each part's are.
  private static func layers(
    of parts: [RawRequest], files: [String]
  ) throws(ImportError) -> (axis: RawRequest.LayerAxis, places: [[Int]]) {
    var numbers: [[Int]] = []
    for part in parts {
      if case .numbered(let own) = part.layers { numbers.append(own) }
    }
    guard numbers.count == parts.count else {
      // Without numbers, the order of the files is that of the layers.
      var count = 0
      let places = parts.map { part in
        defer { count += part.layers.count }
        return Array(count..<count + part.layers.count)
      }
      return (.counted(count), places)
    }
    var owner: [Int: String] = [:]
    for (own, file) in zip(numbers, files) {
      for layer in own {
        if let other = owner.updateValue(file, forKey: layer) {
          throw ImportError(
            .mismatch, file: file, layer: layer,
            problem: "the layer is in \(lastComponent(other)) too",
            remedy: "join files of different layers; files of other tokens are imported without "
              + "--join")
        }
      }
    }
    let all = owner.keys.sorted()
    let placeOf = Dictionary(uniqueKeysWithValues: all.enumerated().map { ($1, $0) })
    return (.numbered(all), numbers.map { own in own.compactMap { placeOf[$0] } })
  }

  /// Puts the events of a part into their places in token-major columns.
  private static func scatter<Value>(
    _ column: [Value], of part: RawRequest, to layers: [Int], stride: Int, into rows: inout [Value]
  ) {
    let topK = part.topK
    var from = 0
    for token in 0..<part.tokens {
      for layer in layers {
        let to = token * stride + layer * topK
        for slot in 0..<topK { rows[to + slot] = column[from + slot] }
        from += topK
      }
    }
  }
}
