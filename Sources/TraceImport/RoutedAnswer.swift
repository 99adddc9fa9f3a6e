import Archive
import CSimdJSON
import RoutingTrace

/// The routing of one answer of SGLang, and how its numbers are split into tokens and layers.
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
    func fault(_ kind: ImportError.Kind, _ problem: String, remedy: String) -> ImportError {
      ImportError(kind, file: file, byte: byte, problem: problem, remedy: remedy)
    }
    guard let routed = answer.routed else {
      throw fault(
        .notATrace, "the answer has no routed_experts",
        remedy: "start the server with --enable-return-routed-experts, ask with "
          + "\"return_routed_experts\": true, or leave this answer out")
    }
    let bytes: [UInt8]
    do throws(Base64.Problem) {
      bytes = try Base64.bytes(
        of: UnsafeRawBufferPointer(start: routed, count: answer.routed_length))
    } catch {
      throw fault(.malformed, error.text, remedy: "record the answer again, or leave it out")
    }
    guard bytes.count % 4 == 0 else {
      throw fault(
        .malformed, "its routing of \(bytes.count) bytes is not made of 32-bit ids",
        remedy: "record the answer again, or leave it out")
    }
    guard let topK, topK > 0, let (tokens, layers) = axes(ids: bytes.count / 4, topK: topK) else {
      throw fault(
        .mismatch, "its \(bytes.count / 4) ids " + contradiction,
        remedy: "give the shape of the model that answered with --shape")
    }
    let (ids, outOfRange) = Self.ids(bytes)
    return RawRequest(
      name: JSONReader.text(answer.name, answer.name_length), tokens: tokens,
      prefill: prefill(tokens: tokens), layers: .counted(layers), topK: topK, ids: ids,
      firstOutOfRange: outOfRange)
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
