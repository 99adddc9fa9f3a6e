import CSimdJSON

/// Parses JSON files of known layouts with simdjson; parser and result arrays are reused from file
/// to file.
final class JSONReader {
  /// Bytes that must be readable behind a file's text.
  static var padding: Int { csj_padding() }

  /// The parser, which the C++ side owns.
  private let reader: OpaquePointer

  /// - Throws: ``ImportError`` where there is no memory.
  init() throws(ImportError) {
    guard let reader = csj_reader_create() else {
      throw ImportError(
        .tooLarge, file: "JSON parser", problem: "there is not enough memory",
        remedy: "free some memory")
    }
    self.reader = reader
  }

  deinit { csj_reader_destroy(reader) }

  /// A C function that parses one file into one request.
  typealias Parse = (
    OpaquePointer?, UnsafePointer<UInt8>?, Int, Int, csj_bounds,
    UnsafeMutablePointer<csj_request>?, UnsafeMutablePointer<csj_fault>?
  ) -> Int32

  /// Parses the file in `bytes` and copies the request out of the parser's arrays.
  ///
  /// - Parameter readsWeights: whether gate weights are looked at.
  func request(
    in bytes: FileBytes, file: String, bounds: EventBounds, readsWeights: Bool, parse: Parse
  ) throws(ImportError) -> RawRequest {
    var result = csj_request()
    var fault = csj_fault()
    let code = parse(
      reader, bytes.bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, bytes.capacity,
      Self.bounds(bounds, readsWeights: readsWeights), &result, &fault)
    guard code == CSJ_OK else { throw Self.error(fault, file: file, behind: bytes.markLength) }
    return request(result)
  }

  /// The same of a part of a file's text, which is followed by ``padding`` readable bytes.
  ///
  /// - Parameter offset: bytes of the file before the text.
  func request(
    in text: UnsafeRawBufferPointer, offset: Int, file: String, bounds: EventBounds, parse: Parse
  ) throws(ImportError) -> RawRequest {
    var result = csj_request()
    var fault = csj_fault()
    let code = parse(
      reader, text.bindMemory(to: UInt8.self).baseAddress, text.count, text.count + Self.padding,
      Self.bounds(bounds, readsWeights: false), &result, &fault)
    guard code == CSJ_OK else { throw Self.error(fault, file: file, behind: offset) }
    return request(result)
  }

  /// The request, copied out of the parser's arrays.
  private func request(_ result: csj_request) -> RawRequest {
    let count = result.tokens * result.layers * result.top_k
    var request = RawRequest(
      name: Self.text(result.name, result.name_length),
      task: Self.text(result.task, result.task_length), tokens: result.tokens,
      prefill: result.prefill,
      layers: .numbered(
        UnsafeBufferPointer(start: result.layer_numbers, count: result.layers).map(Int.init)),
      topK: result.top_k, ids: Array(UnsafeBufferPointer(start: result.ids, count: count)))
    if let weights = result.weights {
      request.weights = UnsafeBufferPointer(start: weights, count: count).map { Float16($0) }
    }
    request.remarks = remarks
    return request
  }

  /// The whole number under `key` at the top of the object in `bytes`, or nil where it has none.
  func integer(_ key: String, in bytes: FileBytes, file: String) throws(ImportError) -> Int? {
    var value: Int64 = 0
    var found: Int32 = 0
    var fault = csj_fault()
    let code = csj_find_integer(
      reader, bytes.bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, bytes.capacity, key,
      &value, &found, &fault)
    guard code == CSJ_OK else { throw Self.error(fault, file: file, behind: bytes.markLength) }
    return found == 0 ? nil : Int(value)
  }

  /// What a line of a routing log says, which is followed by ``padding`` readable bytes.
  ///
  /// - Returns: pointers into the parser's arrays, valid until its next call.
  func record(
    in line: UnsafeRawBufferPointer, file: String, keys: csj_record_keys, bounds: csj_bounds
  ) throws(ImportError) -> csj_record {
    var record = csj_record()
    var fault = csj_fault()
    let code = withUnsafePointer(to: keys) { keys in
      csj_read_record(
        reader, line.bindMemory(to: UInt8.self).baseAddress, line.count, line.count + Self.padding,
        keys, bounds, &record, &fault)
    }
    guard code == CSJ_OK else { throw Self.error(fault, file: file) }
    return record
  }

  /// Bounds as the parser takes them.
  private static func bounds(_ bounds: EventBounds, readsWeights: Bool) -> csj_bounds {
    csj_bounds(
      experts: UInt32(bounds.experts), top_k: UInt32(bounds.topK ?? 0),
      weights: readsWeights ? 1 : 0)
  }

  /// Answers in `text`, which is followed by ``padding`` readable bytes.
  ///
  /// - Parameter offset: bytes of the file before the text.
  /// - Returns: pointers into the parser's memory, valid until its next call.
  func answers(
    in text: UnsafeRawBufferPointer, offset: Int, file: String, bounds: EventBounds
  ) throws(ImportError) -> UnsafeBufferPointer<csj_answer> {
    try list(in: text, offset, file) { text, length, list, count, fault in
      csj_find_answers(
        reader, text, length, length + Self.padding, Self.bounds(bounds, readsWeights: false), list,
        count, fault)
    }
  }

  /// Traces of moe-routing-atlas in `text`; as ``answers(in:offset:file:bounds:)``.
  func atlas(
    in text: UnsafeRawBufferPointer, offset: Int, file: String, bounds: EventBounds,
    readsWeights: Bool
  ) throws(ImportError) -> UnsafeBufferPointer<csj_choices> {
    try list(in: text, offset, file) { text, length, list, count, fault in
      csj_read_atlas(
        reader, text, length, length + Self.padding,
        Self.bounds(bounds, readsWeights: readsWeights), list, count, fault)
    }
  }

  /// What a function of the parser finds in `text`, as ``answers(in:offset:file:bounds:)``.
  private func list<Element>(
    in text: UnsafeRawBufferPointer, _ offset: Int, _ file: String,
    by find: (
      UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UnsafePointer<Element>?>,
      UnsafeMutablePointer<Int>, UnsafeMutablePointer<csj_fault>
    ) -> Int32
  ) throws(ImportError) -> UnsafeBufferPointer<Element> {
    var list: UnsafePointer<Element>?
    var count = 0
    var fault = csj_fault()
    let code = find(
      text.bindMemory(to: UInt8.self).baseAddress, text.count, &list, &count, &fault)
    guard code == CSJ_OK else { throw Self.error(fault, file: file, behind: offset) }
    return UnsafeBufferPointer(start: list, count: count)
  }

  /// The layers of an export in `bytes`.
  ///
  /// - Returns: pointers into the parser's memory, valid until its next call.
  func layered(
    in bytes: FileBytes, file: String, bounds: EventBounds
  ) throws(ImportError) -> csj_layered {
    var layered = csj_layered()
    var fault = csj_fault()
    let code = csj_read_layered(
      reader, bytes.bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, bytes.capacity,
      Self.bounds(bounds, readsWeights: false), &layered, &fault)
    guard code == CSJ_OK else { throw Self.error(fault, file: file, behind: bytes.markLength) }
    return layered
  }

  /// What is to be said of the text that was read last.
  var remarks: [Remark] {
    let last = csj_last_remarks(reader)
    guard last.unread_length > 0 || last.unlabelled_length > 0 else { return [] }
    let unread = Self.text(last.unread, last.unread_length)
    let unlabelled = Self.text(last.unlabelled, last.unlabelled_length)
    return (unread.isEmpty ? [] : [.unread(unread)])
      + (unlabelled.isEmpty ? [] : [.label(unlabelled)])
  }

  /// A text from the parser's memory.
  static func text(_ start: UnsafePointer<CChar>?, _ count: Int) -> String {
    String(
      decoding: UnsafeRawBufferPointer(start: count == 0 ? nil : start, count: count),
      as: UTF8.self)
  }

  /// A fault that the parser reports, with its place in the file.
  ///
  /// - Parameter markLength: bytes of the file before the text.
  private static func error(
    _ fault: csj_fault, file: String, behind markLength: Int = 0
  ) -> ImportError {
    let kind: ImportError.Kind
    let remedy: String
    switch Int(fault.code) {
    case CSJ_MALFORMED:
      kind = .malformed
      remedy = "download or write the file again"
    case CSJ_UNEXPECTED:
      kind = .notATrace
      remedy = "choose another --format, or leave the file out"
    case CSJ_CONTRADICTION:
      kind = .invalid
      remedy = "write the file again, or leave it out"
    case CSJ_OTHER_MODEL:
      kind = .invalid
      remedy = "give the shape of the model that was traced, or its --experts and --top-k"
    case CSJ_WEIGHTS:
      kind = .invalid
      remedy = "leave weights out with --no-weights, or write them again"
    default:
      kind = .tooLarge
      remedy = "split it into one file a request"
    }
    let problem = withUnsafeBytes(of: fault.problem) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    return ImportError(
      kind, file: file, byte: fault.byte < 0 ? nil : markLength + Int(fault.byte),
      token: fault.token < 0 ? nil : Int(fault.token),
      layer: fault.layer < 0 ? nil : Int(fault.layer), problem: problem, remedy: remedy)
  }
}
