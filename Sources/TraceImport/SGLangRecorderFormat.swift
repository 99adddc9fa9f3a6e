import Archive
import RoutingTrace

extension ForeignFormat {
  /// SGLang's expert distribution recorder in its mode `per_token`.
  public static let sglangRecorder = ForeignFormat(SGLangRecorderFormat.self)
}

/// SGLang's `--expert-distribution-recorder-mode per_token`: a torch file a rank, of a record a
/// forward pass with the experts of every token of the batch.
///
/// The ids are those of physical experts, which `last_physical_to_logical_map` maps to logical ones
/// layer by layer. A record knows the batch and not the requests; ``BatchedSequences`` tells them
/// apart by the tokens' positions.
struct SGLangRecorderFormat: TraceFormat {
  static let name = "sglang-recorder"
  static let summary = "SGLang's expert distribution recorder, per_token (.pt), one rank a file"

  static let sample = (fileName: "expert_distribution_recorder_1_0.pt", content: recording())

  /// Two prompts in one pass and a decoded token of each, in a dense layer and one of 8 experts.
  private static func recording() -> [UInt8] {
    func record(
      _ pass: Int, mode: Int, positions: [Int], lengths: TorchValue, ids: [Int32]
    ) -> TorchValue {
      let rows = ids.count / 2
      let absent = [Int32](repeating: -1, count: 8)
      // A dense layer, and one that routes.
      var slots: [Int32] = []
      for _ in 0..<rows { slots += absent }
      for row in 0..<rows { slots += ids[2 * row..<2 * row + 2] + absent.dropLast(2) }
      let pairs: [(key: String, value: TorchValue)] = [
        ("forward_pass_id", .integer(pass)), ("rank", .integer(0)),
        ("gatherer_key", .text("primary")),
        ("input_ids", .list((0..<rows).map { .integer(11 + $0) })),
        ("positions", .list(positions.map { .integer($0) })), ("extend_seq_lens", lengths),
        ("forward_mode", .integer(mode)),
        ("topk_ids_of_layer", .int32(slots, shape: [2, rows, 8])),
      ]
      return .dictionary(pairs)
    }
    let records: [TorchValue] = [
      record(
        7, mode: 1, positions: [0, 1, 0], lengths: .list([.integer(2), .integer(1)]),
        ids: [5, 2, 0, 9, 1, 6]),
      record(8, mode: 2, positions: [2, 1], lengths: .none, ids: [4, 3, 8, 2]),
    ]
    let map = (0..<20).map { Int64($0 % 10 % 8) }
    return
      (try? TorchWriter.file(
        .dictionary([
          ("records", .list(records)),
          ("last_physical_to_logical_map", .int64(map, shape: [2, 10])),
        ]))) ?? []
  }

  private var file: SourceFile
  /// The open file, once it was looked through.
  private var recording: SGLangRecording?
  /// Requests of the open file that were handed on.
  private var ordinal = 0
  /// What was met first of the files read so far.
  private var firstPasses: [SGLangRecording.FirstPass] = []

  init(options: ImportOptions) throws(ImportError) { file = SourceFile(options: options) }

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".pt") }

  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    TorchHead(head).map { $0.holds("records") && $0.holds("topk_ids_of_layer") } ?? false
  }

  mutating func open(_ source: TraceSource) throws(ImportError) {
    try file.open(source)
    (recording, ordinal) = (nil, 0)
  }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    if let source = file.take() {
      let new = try SGLangRecording(file.bytes.bytes, file: source.path)
      try refuseCopy(new, file: source.path)
      recording = new
    }
    guard let recording, ordinal < recording.sequences.count else { return nil }
    defer { ordinal += 1 }
    var request = try recording.request(ordinal, topK: bounds.topK ?? recording.widest)
    request.name = "\(ordinal + 1)"
    if ordinal == 0, recording.cutRows > 0 { request.remarks.append(.cut(recording.cutRows)) }
    if ordinal == 0, recording.twice > 0 { request.remarks.append(.twice(recording.twice)) }
    return request
  }

  /// Throws where another file holds the same tokens, as those of tensor-parallel ranks do.
  private mutating func refuseCopy(
    _ recording: SGLangRecording, file: String
  ) throws(ImportError) {
    guard let first = recording.firstPass else { return }
    if let other = firstPasses.first(where: { $0.isCopy(of: first) }) {
      throw ImportError(
        .mismatch, file: file,
        problem: "its pass \(first.pass) has the same tokens and experts as that of "
          + "\(lastComponent(other.file)): both ranks recorded one batch",
        remedy: "import one file of each tensor-parallel group")
    }
    firstPasses.append(first)
  }
}
