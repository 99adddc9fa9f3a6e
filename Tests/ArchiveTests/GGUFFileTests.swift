import Testing

@testable import Archive

@Suite struct GGUFFileTests {
  private func number<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  private func text(_ text: String) -> [UInt8] {
    number(UInt64(text.utf8.count)) + Array(text.utf8)
  }

  /// A file of one tensor `[2, 3]`, behind pairs of every kind.
  private func file(
    alignment: UInt32 = 64, tensors: UInt64 = 1, pairs: UInt64 = 4, type: UInt32 = 0,
    offset: UInt64 = 0, extent: UInt64 = 3
  ) -> [UInt8] {
    var bytes = Array("GGUF".utf8) + number(UInt32(3)) + number(tensors) + number(pairs)
    bytes += text("general.alignment") + number(UInt32(4)) + number(alignment)
    bytes += text("names") + number(UInt32(9)) + number(UInt32(8)) + number(UInt64(2)) + text("a")
    bytes += text("bc")
    bytes += text("halves") + number(UInt32(9)) + number(UInt32(2)) + number(UInt64(3))
    bytes += [1, 2, 3, 4, 5, 6] + text("flag") + number(UInt32(7)) + [1]
    bytes += text("t") + number(UInt32(2)) + number(extent) + number(UInt64(2))
    bytes += number(type) + number(offset)
    bytes += [UInt8](repeating: 0, count: (64 - bytes.count % 64) % 64)
    for value in [1, 2, 3, 4, 5, 0.5] as [Float] { bytes += number(value.bitPattern) }
    return bytes
  }

  private func read(_ bytes: [UInt8]) throws -> [(name: String, shape: [Int], values: [Float])] {
    try bytes.withUnsafeBytes { bytes in
      let file = try GGUFFile(bytes)
      return try file.tensors.map { ($0.name, $0.shape, try file.singles(of: $0)) }
    }
  }

  private func problem(_ bytes: [UInt8]) -> String? {
    do {
      _ = try read(bytes)
      return nil
    } catch { return (error as? ArchiveError)?.problem }
  }

  @Test func tensorsAreFoundBehindTheHeader() throws {
    let tensors = try read(file())
    #expect(tensors.map(\.name) == ["t"])
    #expect(tensors[0].shape == [2, 3])
    #expect(tensors[0].values == [1, 2, 3, 4, 5, 0.5])
  }

  @Test func contradictionsAreTold() {
    #expect(problem(file(type: 1)) == "its tensor t is not in single precision")
    #expect(problem(file(offset: 4)) == "its tensor t lies outside the file")
    #expect(problem(file(offset: .max)) == "its tensor t lies outside the file")
    #expect(problem(file(extent: 1 << 62)) == "its tensor t lies outside the file")
    #expect(problem(file(tensors: .max)) == "it is cut off in its header")
    #expect(problem(file(pairs: .max)) == "it is cut off in its header")
    #expect(problem(file(alignment: 0)) == "its alignment 0 is not possible")
    #expect(problem(Array("GGUX".utf8) + file().dropFirst(4)) == "it is no GGUF file")
    #expect(
      problem(Array("GGUF".utf8) + [1] + file().dropFirst(5)) == "version 1 of GGUF is not read")
  }

  @Test func everyCutIsAnArchiveError() {
    let whole = file()
    for length in 0..<whole.count {
      #expect(throws: ArchiveError.self) { try read(Array(whole[..<length])) }
    }
  }
}
