import Archive

extension CountsFormat {
  /// TensorRT-LLM's expert statistics.
  public static let tensorRTStatistics = CountsFormat(TensorRTStatistics.self)
}

/// TensorRT-LLM's `EXPERT_STATISTIC_PATH`: `rank0.safetensors` and so on, whose tensors
/// `"ITERATION_LAYER"` count the choices of the rank's tokens, beside `meta_info.json` with the
/// numbers of experts and of those that a token takes.
enum TensorRTStatistics: CountsReader {
  static let name = "tensorrt-llm"
  static let summary = "TensorRT-LLM's expert statistics (.safetensors), a rank a file"

  static let sample = (fileName: "rank0.safetensors", content: file())

  /// Two iterations of one layer.
  private static func file() -> [UInt8] {
    let header =
      #"{"100_3":{"dtype":"I64","shape":[4],"data_offsets":[0,32]},"#
      + #""101_3":{"dtype":"I64","shape":[4],"data_offsets":[32,64]}}"#
    let counts: [Int64] = [3, 0, 7, 2, 1, 1, 0, 4]
    return withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
      + Array(header.utf8) + counts.withUnsafeBytes { Array($0) }
  }

  private static let sidecar = "meta_info.json"

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".safetensors") }

  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    // A length of the header below 4 GB, then the header.
    guard accepts(fileNamed: name), head.count > 9, head[4..<8].allSatisfy({ $0 == 0 }) else {
      return false
    }
    return head.dropFirst(8).drop(while: JSONText.isSpace).first == UInt8(ascii: "{")
  }

  static func counts(
    in bytes: UnsafeRawBufferPointer, of file: FoundFile
  ) throws(ImportError) -> RawCounts {
    let tensors: Safetensors
    do throws(JSONCursor.Fault) { tensors = try Safetensors(bytes) } catch {
      throw error.error(file.path)
    }
    var table = CountTable(file: file.path)
    for tensor in tensors.tensors {
      let parts = tensor.name.split(separator: "_").compactMap { Int($0) }
      guard parts.count == 2, tensor.name.split(separator: "_").count == 2 else {
        throw .counts(
          file.path, "its tensor \(tensor.name.prefix(40)) is not named ITERATION_LAYER",
          remedy: "name a file of TensorRT-LLM's EXPERT_STATISTIC_PATH", kind: .notATrace)
      }
      let counts = try ArrayReader(file: file.path).of(tensor.name) {
        () throws(ArchiveError) in try tensors.counts(of: tensor)
      }
      try table.add(counts, window: Int64(parts[0]), layer: parts[1])
    }
    let known = try knownTopK(beside: file, experts: table.experts)
    return try table.finished(topK: known, windowKind: "iteration")
  }

  /// Top-k as the sidecar says; nil where there is none.
  private static func knownTopK(
    beside file: FoundFile, experts: Int?
  ) throws(ImportError) -> Int? {
    let path = parent(file.path).isEmpty ? sidecar : parent(file.path) + "/" + sidecar
    guard file.content == nil, FileBytes.exists(path) else { return nil }
    let content = FileBytes(limit: 1 << 20)
    try content.read(path)
    let json = try JSONReader()
    let known = try json.integer("num_experts", in: content, file: path)
    if let known, let experts, known != experts {
      throw ImportError(
        .mismatch, file: path,
        problem: "it says \(known) experts, but the counts are of \(experts)",
        remedy: "put the files of one run in a folder")
    }
    return try json.integer("num_experts_per_token", in: content, file: path)
  }
}

/// The tensors of a safetensors file in memory: the length of a header, the header in JSON, numbers.
struct Safetensors {
  struct Tensor {
    var name: String
    var type = ""
    var shape: [Int] = []
    /// Bytes of its numbers, from the header's end on.
    var range = 0..<0
  }

  /// The tensors by their names.
  private(set) var tensors: [Tensor] = []
  /// The numbers of all.
  private let numbers: UnsafeRawBufferPointer

  private static let mostTensors = 1 << 20
  private static let mostHeader = 100_000_000

  /// - Throws: a fault where it is cut off, or its header is damaged.
  init(_ bytes: UnsafeRawBufferPointer) throws(JSONCursor.Fault) {
    let cutOff = JSONCursor.Fault(problem: "it is cut off in its header", byte: bytes.count)
    guard bytes.count >= 8 else { throw cutOff }
    let length = bytes.littleEndian(at: 0, as: UInt64.self)
    guard length <= UInt64(bytes.count - 8), length <= Self.mostHeader else { throw cutOff }
    let end = 8 + Int(length)
    numbers = UnsafeRawBufferPointer(rebasing: bytes[end...])
    var cursor = JSONCursor(UnsafeRawBufferPointer(rebasing: bytes[8..<end]))
    var found: [Tensor] = []
    let available = numbers.count
    try cursor.object { (name, cursor) throws(JSONCursor.Fault) in
      guard name != "__metadata__" else { return }
      var tensor = Tensor(name: name)
      let place = cursor.at
      try cursor.object { (key, cursor) throws(JSONCursor.Fault) in
        switch key {
        case "dtype": tensor.type = try cursor.string()
        case "shape": tensor.shape = try Self.lengths(&cursor)
        case "data_offsets":
          let ends = try Self.lengths(&cursor)
          guard ends.count == 2, ends[0] <= ends[1], ends[1] <= available else {
            throw JSONCursor.Fault(problem: "a tensor outside the file", byte: place)
          }
          tensor.range = ends[0]..<ends[1]
        default: break
        }
      }
      guard found.count < Self.mostTensors else {
        throw JSONCursor.Fault(problem: "more than \(Self.mostTensors) tensors", byte: place)
      }
      found.append(tensor)
    }
    tensors = found.sorted { $0.name < $1.name }
  }

  private static func lengths(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> [Int] {
    var lengths: [Int] = []
    try cursor.list { (cursor) throws(JSONCursor.Fault) in
      lengths.append(Int(clamping: try cursor.count()))
    }
    return lengths
  }

  /// The numbers of a tensor of one axis.
  func counts(of tensor: Tensor) throws(ArchiveError) -> [UInt64] {
    guard tensor.type == "I64" || tensor.type == "I32", tensor.shape.count == 1 else {
      throw ArchiveError(
        "it is of type \(tensor.type.prefix(8)) and shape \(tensor.shape.prefix(4)), not of whole "
          + "numbers, an expert each")
    }
    let size = tensor.type == "I64" ? 8 : 4
    guard tensor.shape[0] == tensor.range.count / size, tensor.range.count % size == 0 else {
      throw ArchiveError("its shape is \(tensor.shape), but it has \(tensor.range.count) bytes")
    }
    let content = MemberContent(UnsafeRawBufferPointer(rebasing: numbers[tensor.range]))
    return try NPYArray(element: .signed(bytes: size), shape: tensor.shape, content: content)
      .counts()
  }
}
