import Archive
import RoutingTrace

extension ForeignFormat {
  /// Binary records of llama.cpp's MoE traces.
  public static let llamaBinary = ForeignFormat(LlamaBinaryFormat.self)
}

/// MoE traces that people write with llama.cpp's callbacks, as records of little-endian int32: layer,
/// number of tokens, k, then that many ids of each token. A record is a batch in one layer, a file a
/// request.
///
/// A batch of several tokens, followed by batches of one, is a prompt and its decoding. Of a prompt
/// llama.cpp computes the last layer for those tokens alone whose output is asked for: the others
/// have an empty event there.
struct LlamaBinaryFormat: TraceFormat {
  static let name = "llama-binary"
  static let summary = "llama.cpp MoE traces as binary records, one request a file"

  static let sample = (
    fileName: "routes.bin",
    content: ([0, 2, 2, 5, 2, 0, 7, 1, 2, 2, 3, 6, 4, 1, 0, 1, 2, 6, 5, 1, 1, 2, 7, 0] as [Int32])
      .flatMap { (value: Int32) in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
  )

  /// The numbers before the ids of a record.
  private struct Head {
    let layer: Int
    let tokens: Int
    let topK: Int

    /// Nil where no model has such numbers.
    init?(_ bytes: UnsafeRawBufferPointer, at: Int) {
      guard at + 12 <= bytes.count else { return nil }
      layer = Int(bytes.littleEndian(at: at, as: Int32.self))
      tokens = Int(bytes.littleEndian(at: at + 4, as: Int32.self))
      topK = Int(bytes.littleEndian(at: at + 8, as: Int32.self))
      guard (0..<4096).contains(layer), (1...1 << 24).contains(tokens), (1...64).contains(topK)
      else { return nil }
    }

    /// Bytes of the record.
    var size: Int { 12 + 4 * tokens * topK }
  }

  private var file: SourceFile
  private var finisher: LoggedRequestFinisher

  init(options: ImportOptions) throws(ImportError) {
    file = SourceFile(options: options)
    finisher = LoggedRequestFinisher(options: options)
  }

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".bin") }

  /// A record of possible numbers, whose ids are those of experts, and the beginning of another of
  /// the same k behind it, if there is more.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    head.withUnsafeBytes { bytes in
      guard let first = Head(bytes, at: 0) else { return false }
      let end = min(first.size, bytes.count & ~3)
      let ids = stride(from: 12, to: end, by: 4).lazy.map {
        bytes.littleEndian(at: $0, as: Int32.self)
      }
      guard ids.allSatisfy({ (-1..<Int32(EventBounds.mostExperts)).contains($0) }) else {
        return false
      }
      if bytes.count == first.size { return true }
      guard bytes.count < first.size + 12 else {
        return Head(bytes, at: first.size).map { $0.topK == first.topK } ?? false
      }
      // A head of a megabyte may end within the first record.
      return bytes.count >= 1 << 20
    }
  }

  mutating func open(_ source: TraceSource) throws(ImportError) { try file.open(source) }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    guard let source = file.take() else { return nil }
    let bytes = file.bytes.bytes
    func fault(_ problem: String, at: Int, layer: Int? = nil, remedy: String) -> ImportError {
      ImportError(
        .malformed, file: source.path, byte: file.bytes.markLength + at, layer: layer,
        problem: problem, remedy: remedy)
    }
    var gatherer = ChoiceGatherer(topK: bounds.topK, tellsPrompt: false, stepEnd: .layer)
    var ids: [UInt16] = []
    var outOfRange: Int?
    var at = 0
    while at < bytes.count {
      guard let head = Head(bytes, at: at) else {
        throw fault(
          "no layer, number of tokens and k of a record stand here", at: at,
          remedy: "record the trace again, or choose another --format")
      }
      guard at + head.size <= bytes.count else {
        throw fault(
          "the record is cut off", at: at, layer: head.layer,
          remedy: at > 0
            ? "keep what is before it (head -c \(at))" : "record the trace again")
      }
      let numbers = UnsafeRawBufferPointer(rebasing: bytes[at + 12..<at + head.size])
      if let number = replace(&ids, by: numbers) { outOfRange = outOfRange ?? number }
      do throws(ChoiceGatherer.Problem) {
        try gatherer.addLayer(head.layer, ids: ids, topK: head.topK)
      } catch {
        throw fault(error.text, at: at, layer: head.layer, remedy: error.remedy)
      }
      at += head.size
    }
    guard let request = gatherer.take() else {
      throw fault("the file is empty", at: 0, remedy: "record it again, or leave it out")
    }
    var raw = try finisher.finish(
      request, file: source.path, stem: source.stem, tellsPrompt: false)
    raw.firstOutOfRange = outOfRange
    return raw
  }

  /// Makes `ids` those of `numbers`, of int32 each; returns the first that is out of range.
  private func replace(_ ids: inout [UInt16], by numbers: UnsafeRawBufferPointer) -> Int? {
    let count = numbers.count / 4
    func number(_ place: Int) -> Int {
      Int(
        Int32(littleEndian: numbers.loadUnaligned(fromByteOffset: 4 &* place, as: Int32.self)))
    }
    if ids.count != count { ids = Array(repeating: 0, count: count) }
    var isInRange = true
    for place in 0..<count {
      let id = RawRequest.id(number(place))
      isInRange = isInRange && id != RawRequest.outOfRange
      ids[place] = id
    }
    if isInRange { return nil }
    return (0..<count).lazy.map(number).first { RawRequest.id($0) == RawRequest.outOfRange }
  }
}
