import Archive

extension CountsFormat {
  /// Importance matrices of llama.cpp, which count how often each expert was used.
  public static let imatrix = CountsFormat(IMatrixCounts.self)
}

/// llama.cpp's importance matrices (GGUF): tensors `blk.N.ffn_{gate,up,down}_exps.weight.counts` of
/// single-precision numbers, an expert each. All weights of a layer's experts are used by the same
/// tokens, so the first of them tells.
enum IMatrixCounts: CountsReader {
  static let name = "imatrix"
  static let summary = "llama.cpp's importance matrices (GGUF), counts of experts"

  static let sample = (fileName: "imatrix.gguf", content: file())

  /// One layer of four experts.
  private static func file() -> [UInt8] {
    func number<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
      withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    func text(_ text: String) -> [UInt8] { number(UInt64(text.utf8.count)) + Array(text.utf8) }
    var bytes = GGUFFile.magic + number(UInt32(3)) + number(UInt64(1)) + number(UInt64(1))
    bytes += text("general.type") + number(UInt32(8)) + text("imatrix")
    bytes += text("blk.1.ffn_up_exps.weight.counts") + number(UInt32(2))
    bytes += number(UInt64(1)) + number(UInt64(4)) + number(UInt32(0)) + number(UInt64(0))
    bytes += [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32)
    for count in [3, 0, 7, 2] as [Float] { bytes += number(count.bitPattern) }
    return bytes
  }

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".gguf") }

  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    head.starts(with: GGUFFile.magic)
  }

  /// The layer whose experts a tensor counts; nil for others.
  private static func layer(_ name: String) -> Int? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 5, parts[0] == "blk", parts[2].hasPrefix("ffn_"),
      parts[2].hasSuffix("_exps"), parts[3] == "weight", parts[4] == "counts"
    else { return nil }
    return Int(parts[1])
  }

  static func counts(
    in bytes: UnsafeRawBufferPointer, of file: FoundFile
  ) throws(ImportError) -> RawCounts {
    let reader = ArrayReader(file: file.path)
    let gguf = try reader.of(nil) { () throws(ArchiveError) in try GGUFFile(bytes) }
    var table = CountTable(file: file.path)
    var known: Set<Int> = []
    for tensor in gguf.tensors {
      guard let layer = layer(tensor.name), known.insert(layer).inserted else { continue }
      let numbers = try reader.of(nil) { () throws(ArchiveError) in try gguf.singles(of: tensor) }
      var counts: [UInt64] = []
      for number in numbers {
        guard let count = UInt64(exactly: number) else {
          throw .counts(
            file.path, "its count \(number) of layer \(layer) is no whole number from 0")
        }
        counts.append(count)
      }
      try table.add(counts, window: 0, layer: layer)
    }
    guard !known.isEmpty else {
      throw .counts(
        file.path, "it has no counts of experts (blk.N.ffn_up_exps.weight.counts)",
        remedy: "make it with llama-imatrix of a MoE model; weights of a model count nothing",
        kind: .notATrace)
    }
    return try table.finished(windowKind: "whole")
  }
}
