import HDF5
import Testing

@Suite struct ErrorTests {
  func kind(_ body: () throws -> Void) -> H5Error.Kind? {
    do {
      try body()
      return nil
    } catch {
      return (error as? H5Error)?.kind
    }
  }

  @Test func missingThingsNameTheirPath() throws {
    let file = try H5File(bytes: sample())
    let group = try file.root.group("layer")
    do {
      _ = try group.dataset("rows")
      Issue.record("a missing dataset was opened")
    } catch {
      #expect(error.kind == .missing)
      #expect(error.description == "/layer/rows: there is no such dataset")
    }
    #expect(kind { _ = try group.string("unit") } == .missing)
    #expect(kind { _ = try file.root.group("layer/counts") } == .missing)
    #expect(kind { _ = try file.root.group("..") } == .missing)
    #expect(kind { _ = try file.root.group("") } == .missing)
  }

  @Test func wrongTypesAndShapes() throws {
    let file = try H5File(bytes: sample())
    let group = try file.root.group("layer")
    let counts = try group.dataset("counts")
    #expect(kind { _ = try counts.read(UInt64.self) } == .mismatch)
    #expect(kind { _ = try counts.read(UInt32.self, shape: [3, 8]) } == .mismatch)
    #expect(kind { _ = try counts.read(UInt32.self, limit: 23) } == .tooLarge)
    #expect(kind { _ = try counts.readStrings() } == .mismatch)
    #expect(kind { _ = try group.dataset("names").read(UInt8.self) } == .mismatch)
    #expect(kind { _ = try group.group("counts") } == .mismatch)
    #expect(kind { _ = try file.root.dataset("layer") } == .mismatch)
    #expect(kind { _ = try file.root.string("version") } == .mismatch)
    #expect(kind { _ = try file.root.number("encoding-type", as: UInt32.self) } == .mismatch)
    #expect(kind { _ = try file.root.number("version", as: UInt64.self) } == .mismatch)
    #expect(kind { _ = try file.root.numbers("version", as: UInt32.self) } == .mismatch)
  }

  @Test func limitsHoldBeforeAllocation() throws {
    let bytes = try sample()
    let small = try H5File(bytes: bytes, limits: H5Limits(datasetBytes: 95))
    #expect(
      kind { _ = try small.root.group("layer").dataset("counts").read(UInt32.self) } == .tooLarge)
    let chunks = try H5File(bytes: bytes, limits: H5Limits(chunkBytes: 47))
    #expect(
      kind { _ = try chunks.root.group("layer").dataset("counts").read(UInt32.self) } == .tooLarge)
    let links = try H5File(bytes: bytes, limits: H5Limits(links: 3))
    #expect(kind { _ = try links.root.group("layer").names() } == .tooLarge)
    let attributes = try H5File(bytes: bytes, limits: H5Limits(attributeBytes: 5))
    #expect(kind { _ = try attributes.root.string("encoding-type") } == .tooLarge)
  }

  /// What a reader with the same limits would refuse is not written.
  @Test func limitsHoldForWriters() throws {
    let file = try H5File(
      limits: H5Limits(datasetBytes: 96, totalBytes: 200, attributeBytes: 5))
    #expect(kind { try file.root.set("long", to: "123456") } == .tooLarge)
    #expect(kind { try file.root.set("long", to: [1, 2] as [UInt32]) } == .tooLarge)
    #expect(kind { try file.root.set("cut", to: "a\0b") } == .mismatch)
    #expect(kind { try file.root.create("cut", ["a\0"]) } == .mismatch)
    try file.root.set("short", to: "12345")
    let most = [UInt32](repeating: 1, count: 24)
    #expect(kind { try file.root.create("more", most + [1], shape: [25]) } == .tooLarge)
    try file.root.create("one", most, shape: [24])
    try file.root.create("two", most, shape: [24])
    #expect(kind { try file.root.create("three", most, shape: [24]) } == .tooLarge)
  }

  @Test func libraryErrorsCarryTheStack() throws {
    do {
      _ = try H5File(bytes: [UInt8](repeating: 7, count: 3000))
      Issue.record("noise was opened as HDF5")
    } catch {
      #expect(error.kind == .library)
      #expect(error.stack.contains { $0.message.contains("signature") })
      #expect(error.description.hasPrefix("/: these bytes are not an intact HDF5 file (HDF5: "))
    }
    let file = try H5File()
    try file.root.createGroup("twice")
    #expect(kind { try file.root.createGroup("twice") } == .library)
    #expect(kind { try file.root.create("x", [1] as [UInt8], shape: [2]) } == .mismatch)
  }

  @Test func everyTruncationIsAnError() throws {
    let bytes = try sample()
    for count in stride(from: 0, to: bytes.count, by: 7) {
      #expect(kind { _ = try H5File(bytes: Array(bytes[..<count])) } == .library)
    }
  }
}
