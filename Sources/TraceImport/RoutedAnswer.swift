import Archive
import CSimdJSON
import RoutingTrace

/// The routing of one answer of a serving engine, and how its numbers are split into tokens and layers.
struct RoutedAnswer {
  private let answer: csj_answer
  private let model: ModelShape?
  private let bounds: EventBounds
  private let topK: Int?

  /// - Parameter answer: points into the parser's memory, for as long as this value is used.
  init(_ answer: csj_answer, options: ImportOptions, bounds: EventBounds) {
    self.answer = answer
    self.bounds = bounds
    model = options.model
    topK = options.model?.topK ?? options.topK
  }

  /// Tokens of the prompt and of the answer, where they are told.
  private var prompt: Int? { answer.prompt_tokens < 0 ? nil : Int(answer.prompt_tokens) }
  private var completion: Int? {
    answer.completion_tokens < 0 ? nil : Int(answer.completion_tokens)
  }

  /// The request, its layers without numbers.
  ///
  /// - Parameters:
  ///   - file: for messages.
  ///   - byte: where the answer begins in it.
  func request(file: String, byte: Int) throws(ImportError) -> RawRequest {
    func fault(_ kind: ImportError.Kind, _ problem: String, _ remedy: String) -> ImportError {
      ImportError(kind, file: file, byte: byte, problem: problem, remedy: remedy)
    }
    if Int(answer.form) == CSJ_LISTED_ROUTING { return try listed(fault) }
    guard let routed = answer.routed else {
      throw fault(
        .notATrace, "the answer has no routed_experts",
        "start the server with --enable-return-routed-experts, ask with "
          + "\"return_routed_experts\": true, or leave this answer out")
    }
    let bytes: [UInt8]
    do throws(Base64.Problem) {
      bytes = try Base64.bytes(
        of: UnsafeRawBufferPointer(start: routed, count: answer.routed_length))
    } catch {
      throw fault(.malformed, error.text, Self.recordAgain)
    }
    switch Int(answer.form) {
    case CSJ_NUMPY_ROUTING: return try array(of: bytes, fault)
    case CSJ_ARRAY_ROUTING: return try array(of: try numpyFile(bytes, fault), fault)
    default: return try raw(bytes, fault)
    }
  }

  /// Makes an error of this answer.
  private typealias Fault = (ImportError.Kind, _ problem: String, _ remedy: String) -> ImportError

  private static let recordAgain = "record the answer again, or leave it out"

  private var name: String { JSONReader.text(answer.name, answer.name_length) }

  /// SGLang's ids, whose axes the shape tells.
  private func raw(_ bytes: [UInt8], _ fault: Fault) throws(ImportError) -> RawRequest {
    guard bytes.count % 4 == 0 else {
      throw fault(
        .malformed, "its routing of \(bytes.count) bytes is not made of 32-bit ids",
        Self.recordAgain)
    }
    guard let topK, topK > 0 else {
      throw fault(
        .missing, "it does not say how many layers and ids a token has",
        "give --shape NAME, or --top-k K with --experts E")
    }
    guard let (tokens, layers) = axes(ids: bytes.count / 4, topK: topK) else {
      throw fault(
        .mismatch, "its \(bytes.count / 4) ids " + contradiction,
        "give the shape of the model that answered with --shape")
    }
    let (ids, outOfRange) = Self.ids(bytes)
    return RawRequest(
      name: name, tokens: tokens, prefill: prefill(tokens: tokens), layers: .counted(layers),
      topK: topK, ids: ids, firstOutOfRange: outOfRange)
  }

  /// What a NumPy file holds.
  private func array(of bytes: [UInt8], _ fault: Fault) throws(ImportError) -> RawRequest {
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(ArchiveError) in
        try RoutedArray(try NPYArray(MemberContent(bytes)), experts: bounds.experts)
      }
    }
    let array: RoutedArray
    do throws(ArchiveError) { array = try result.get() } catch {
      throw fault(.malformed, error.problem, error.remedy)
    }
    var request = array.request
    request.name = name
    request.prefill = prompt.map { min(max(0, $0 - max(0, Int(answer.start))), array.tokens) }
    return request
  }

  /// An array whose shape and type stand beside it, as a NumPy file.
  private func numpyFile(_ bytes: [UInt8], _ fault: Fault) throws(ImportError) -> [UInt8] {
    let shape = [answer.shape.0, answer.shape.1, answer.shape.2].map(Int.init)
    let dtype = JSONReader.text(answer.dtype, answer.dtype_length)
    guard let element = Self.elements[dtype] else {
      throw fault(
        .malformed, "its dtype is \(dtype), which holds no expert ids", Self.recordAgain)
    }
    var size = element.size
    for axis in shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: max(0, axis))
      size = overflow ? Int.max : product
    }
    guard shape.allSatisfy({ $0 >= 0 }), size == bytes.count else {
      throw fault(
        .malformed,
        "its \(bytes.count) bytes are not those of shape \(shape) and dtype "
          + "\(dtype.isEmpty ? "uint8" : dtype)", Self.recordAgain)
    }
    return bytes.withUnsafeBytes { NPYArray.file(element, shape: shape, elements: $0) }
  }

  /// Types by their NumPy names; uint8 where none is told.
  private static let elements: [String: NPYArray.Element] = [
    "": .unsigned(bytes: 1), "uint8": .unsigned(bytes: 1), "uint16": .unsigned(bytes: 2),
    "int16": .signed(bytes: 2), "int32": .signed(bytes: 4), "uint32": .unsigned(bytes: 4),
    "int64": .signed(bytes: 8),
  ]

  /// Ids in lists, the prompt's before those of what was generated.
  private func listed(_ fault: Fault) throws(ImportError) -> RawRequest {
    let parts = [answer.prompt, answer.listed].filter { $0.rows > 0 }
    guard let first = parts.first else {
      throw fault(
        .notATrace, "its routed_experts hold no tokens", "leave this answer out")
    }
    guard parts.allSatisfy({ $0.layers == first.layers && $0.top_k == first.top_k }) else {
      throw fault(
        .malformed, "prompt_routed_experts have other layers than routed_experts",
        Self.recordAgain)
    }
    var request = RawRequest(
      name: name, tokens: parts.reduce(0) { $0 + $1.rows }, layers: .counted(first.layers),
      topK: first.top_k, ids: [])
    for part in parts {
      let count = part.rows * part.layers * part.top_k
      request.ids += UnsafeBufferPointer(
        start: answer.listed_ids.map { $0 + part.first }, count: count)
    }
    if answer.prompt.rows > 0 {
      request.prefill = answer.prompt.rows
    } else {
      request.prefill = prompt.map { min(max(0, $0 - max(0, Int(answer.start))), request.tokens) }
    }
    return request
  }

  /// Rows of a whole recording: the last sampled token has none.
  private var rows: Int? {
    guard let prompt, let completion else { return nil }
    return prompt + max(0, completion - 1)
  }

  /// Tokens and layers that the ids are of; nil where the shape does not divide them.
  ///
  /// SGLang counts all layers, others MoE layers alone; where both divide the ids, the one that
  /// gives as many rows as there are tokens, or else the first.
  private func axes(ids: Int, topK: Int) -> (tokens: Int, layers: Int)? {
    let candidates: [Int]
    if let model {
      candidates = [model.layers, model.moeLayers.count]
    } else if let rows, rows > 0 {
      // Without a model, what was left out at the beginning cannot be told from layers.
      candidates = [ids / (rows * topK)].filter { $0 * rows * topK == ids }
    } else {
      candidates = []
    }
    let fitting = candidates.filter { $0 > 0 && ids % ($0 * topK) == 0 }
      .map { (tokens: ids / ($0 * topK), layers: $0) }
    if let rows, let exact = fitting.first(where: { $0.tokens == rows }) { return exact }
    return fitting.first { axis in rows.map { axis.tokens <= $0 + 1 } ?? true }
  }

  /// Why ``axes(ids:topK:)`` found nothing.
  private var contradiction: String {
    let tokens = rows.map { " of \($0) tokens" } ?? ""
    guard let model else {
      return "cannot be split into layers\(tokens) of top-\(topK ?? 0)"
    }
    return "are not those\(tokens) of \(model.name): \(model.layers) layers, "
      + "\(model.moeLayers.count) of them MoE layers, top-\(model.topK)"
  }

  /// Tokens of the prompt among the rows, whose first ones may be left out.
  private func prefill(tokens: Int) -> Int? {
    guard let prompt else { return nil }
    guard let rows else { return min(prompt, tokens) }
    return max(0, prompt - max(0, rows - tokens))
  }

  /// The ids as ``RawRequest/ids`` has them, and the first number that is none.
  private static func ids(_ bytes: [UInt8]) -> (ids: [UInt16], outOfRange: Int?) {
    var outOfRange: Int?
    let ids = [UInt16](unsafeUninitializedCapacity: bytes.count / 4) { ids, filled in
      bytes.withUnsafeBytes { bytes in
        while filled < bytes.count / 4 {
          let value = Int(bytes.littleEndian(at: 4 * filled, as: Int32.self))
          let id = RawRequest.id(value)
          if id == RawRequest.outOfRange { outOfRange = outOfRange ?? value }
          (ids.baseAddress.map { $0 + filled })?.initialize(to: id)
          filled += 1
        }
      }
    }
    return (ids, outOfRange)
  }
}
