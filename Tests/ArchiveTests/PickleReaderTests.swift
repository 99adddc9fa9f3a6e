import Testing

@testable import Archive

/// Pickles by hand, an instruction a piece.
@Suite struct PickleReaderTests {
  private func value(_ pickle: [UInt8]) throws -> PickleValue {
    try pickle.withUnsafeBytes { try PickleReader.value($0) }
  }

  private func problem(_ body: [UInt8]) -> String? {
    do {
      _ = try value([0x80, 2] + body)
      return nil
    } catch {
      return (error as? ArchiveError)?.problem
    }
  }

  private func text(_ text: String) -> [UInt8] {
    [0x58, UInt8(text.utf8.count), 0, 0, 0] + Array(text.utf8)
  }

  @Test(
    arguments: [
      ([0x4B, 255], 255), ([0x4D, 0, 1], 256), ([0x4A, 0xFE, 0xFF, 0xFF, 0xFF], -2),
      ([0x8A, 0], 0), ([0x8A, 1, 0x80], -128), ([0x8A, 2, 0xFF, 0], 255),
      ([0x8A, 8, 0, 0, 0, 0, 0, 0, 0, 0x80], Int.min),
    ] as [([UInt8], Int)])
  func wholeNumbersAreThoseOfPython(_ pickle: [UInt8], _ number: Int) throws {
    #expect(try value([0x80, 2] + pickle + [0x2E]).integer == number)
  }

  /// `{"a": [1, (2, 3)], 7: None}`, the list filled behind the number it is remembered under.
  @Test func containersHoldWhatWasPutIn() throws {
    let list: [UInt8] = [0x5D, 0x71, 0, 0x28, 0x4B, 1, 0x4B, 2, 0x4B, 3, 0x86, 0x65]
    let root = try value(
      [0x80, 2, 0x7D, 0x28] + text("a") + list + [0x4B, 7, 0x4E, 0x75]
        + [0x2E])
    #expect(root.keys == ["a"])
    #expect(root["b"] == nil)
    let elements = try #require(root["a"]?.elements)
    #expect(elements[0].integer == 1)
    #expect(elements[1].integers == [2, 3])
    #expect(root["a"]?.integers == nil)
  }

  /// `a = []; a.append(a)`: a value that holds itself is no more than a look at a table.
  @Test func aListMayHoldItself() throws {
    let root = try value([0x80, 2, 0x5D, 0x71, 0, 0x68, 0, 0x61, 0x2E])
    #expect(root.count == 1)
    #expect(root.elements?.first?.elements?.first?.count == 1)
  }

  @Test func depthCostsNothing() throws {
    let deep = [UInt8](repeating: 0x29, count: 1) + [UInt8](repeating: 0x85, count: 1_000_000)
    #expect(try value([0x80, 2] + deep + [0x2E]).count == 1)
  }

  @Test(arguments: [
    "os\nsystem", "builtins\neval", "torch\nload", "torch._utils\n_rebuild_parameter",
    "torch\nBFloat16Storage", "collections\nOrderedDict2",
  ])
  func foreignNamesAreRefusedByName(_ name: String) {
    let full = name.split(separator: "\n").joined(separator: ".")
    #expect(
      problem([0x63] + Array("\(name)\n".utf8) + [0x29, 0x52, 0x2E])?.contains(
        "the Python object \(full), which is not allowed") == true)
  }

  /// Instructions that can run code, or of other protocols.
  @Test(arguments: [0x69, 0x6F, 0x62, 0x81, 0x82, 0x93, 0x95, 0x50, 0x32] as [UInt8])
  func otherInstructionsAreRefusedByNumber(_ code: UInt8) {
    #expect(
      problem([0x29, code, 0x2E])?.contains(
        "instruction 0x\(String(code, radix: 16)) at its byte 3")
        == true)
  }

  @Test(
    arguments: [
      [0x2E], [0x61, 0x2E], [0x28, 0x61], [0x65], [0x4B, 1, 0x28, 0x2E], [0x86, 0x2E],
      [0x4B, 1, 0x28, 0x85, 0x2E], [0x5D, 0x28, 0x4B, 1, 0x75, 0x2E], [0x68, 9, 0x2E],
      [0x58, 0xFF, 0xFF, 0xFF, 0xFF, 0x2E], [0x7D, 0x28, 0x4B, 1, 0x75, 0x2E], [0x63, 0x61], [],
    ] as [[UInt8]])
  func contradictionsAreDamage(_ body: [UInt8]) {
    #expect(problem(body) == "its pickle is damaged or cut off")
  }

  @Test func otherProtocolsAreNamed() throws {
    let error = #expect(throws: ArchiveError.self) { try value([0x80, 4, 0x4E, 0x2E]) }
    #expect(error?.problem == "its pickle is of protocol 4; protocol 2 is read")
  }

  /// Only torch's own way to build a tensor is called, and only with what it takes.
  @Test func callsOfAnythingElseAreRefused() {
    #expect(problem([0x5D, 0x29, 0x52, 0x2E])?.contains("calls something else") == true)
    #expect(
      problem([0x63] + Array("torch._utils\n_rebuild_tensor_v2\n".utf8) + [0x29, 0x52, 0x2E])
        == "its pickle is damaged or cut off")
    #expect(
      problem([0x29, 0x51, 0x2E])?.contains("something else than a tensor's storage") == true)
  }

  @Test func valuesAreCounted() throws {
    let lists: [UInt8] = [0x80, 2, 0x5D, 0x5D, 0x5D, 0x4B, 1, 0x2E]
    let error = #expect(throws: ArchiveError.self) {
      try lists.withUnsafeBytes { try PickleReader.value($0, mostValues: 2) }
    }
    #expect(error?.problem == "its pickle has more than 2 values")
    #expect(try lists.withUnsafeBytes { try PickleReader.value($0, mostValues: 3) }.integer == 1)
  }
}
