import TestSupport
import Testing

@testable import Archive

@Suite struct TorchFileTests {
  private static let value = TorchValue.dictionary([
    ("records", .list([.dictionary([("pass", .integer(100)), ("seq", .none)])])),
    ("ids", .tuple([.integer(-1), .integer(70_000), .integer(1 << 40)])),
    ("counts", .int32([1, -2, 3, 4, 5, 6], shape: [2, 3])),
    ("map", .int64([7, 1 << 40], shape: [2, 1])),
    ("scores", .float32([0.5], shape: [])),
  ])

  /// The elements of the tensor under `key`.
  private func elements<Number: FixedWidthInteger>(
    _ key: String, of bytes: [UInt8], as type: Number.Type
  ) throws -> (shape: [Int], elements: [Number]) {
    try bytes.withUnsafeBytes { bytes in
      let file = try TorchFile(bytes)
      let tensor = try #require(file.root[key]?.tensor)
      let elements = try file.withArray(of: tensor) { (array) throws(ArchiveError) in
        let size = array.element.size
        let bytes = try array.content.take(array.count * size)
        return (0..<array.count).map { bytes.littleEndian(at: $0 * size, as: type) }
      }
      return (tensor.shape, elements)
    }
  }

  @Test func whatIsWrittenIsRead() throws {
    let bytes = try TorchWriter.file(Self.value)
    try bytes.withUnsafeBytes { bytes in
      let file = try TorchFile(bytes)
      #expect(file.root.keys == ["counts", "ids", "map", "records", "scores"])
      #expect(file.root["ids"]?.integers == [-1, 70_000, 1 << 40])
      let record = try #require(file.root["records"]?.elements?.first)
      #expect(record["pass"]?.integer == 100)
      #expect(record["seq"]?.isNone == true)
      #expect(file.root["scores"]?.tensor?.element == .float(bytes: 4))
      #expect(file.root["scores"]?.tensor?.shape == [])
    }
    let counts = try elements("counts", of: bytes, as: Int32.self)
    #expect(counts.shape == [2, 3])
    #expect(counts.elements == [1, -2, 3, 4, 5, 6])
    #expect(try elements("map", of: bytes, as: Int64.self).elements == [7, 1 << 40])
  }

  @Test(.enabled(if: Python.has("torch"), "\(Python.absence("torch"))"))
  func torchReadsWhatIsWritten() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(try TorchWriter.file(Self.value), to: "a.pt")
    let printed = try Python.run(
      """
      import sys, torch
      v = torch.load(sys.argv[1], weights_only=True)
      print(v["records"], v["ids"], v["counts"].tolist(), v["map"].tolist(), v["scores"].item())
      """, path)
    #expect(
      printed == "[{'pass': 100, 'seq': None}] (-1, 70000, 1099511627776) "
        + "[[1, -2, 3], [4, 5, 6]] [[7], [1099511627776]] 0.5\n")
  }

  /// Views of one storage, every kind of number, and a tensor in another order.
  @Test(.enabled(if: Python.has("torch"), "\(Python.absence("torch"))"))
  func whatTorchWritesIsRead() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.pt")
    _ = try Python.run(
      """
      import sys, torch
      a = torch.arange(24, dtype=torch.int16).reshape(4, 6)
      torch.save({"tail": a[2:], "none": a[:0], "turned": a.t(), "one": a[1:2, :],
        "long": list(range(3000)), "flag": torch.tensor([True, False])}, sys.argv[1])
      """, path)
    let bytes = try folder.bytes(of: "a.pt")
    #expect(try elements("tail", of: bytes, as: Int16.self).elements == Array(12..<24))
    #expect(try elements("one", of: bytes, as: Int16.self).elements == Array(6..<12))
    #expect(try elements("none", of: bytes, as: Int16.self).shape == [0, 6])
    #expect(try elements("flag", of: bytes, as: UInt8.self).elements == [1, 0])
    #expect(
      try bytes.withUnsafeBytes { try TorchFile($0).root["long"]?.integers } == Array(0..<3000))
    let error = #expect(throws: ArchiveError.self) {
      try elements("turned", of: bytes, as: Int16.self)
    }
    #expect(
      error?.problem == "a tensor of shape [6, 4] lies there in another order (strides [1, 6])")
  }

  @Test func aStorageMustBeAsLongAsItsTensor() throws {
    var bytes = try TorchWriter.file(.dictionary([("a", .int64([1, 2], shape: [2]))]))
    // The size that is told of the tensor, and of the storage too: 200 of 2 numbers.
    let size = try #require(bytes.firstRange(of: [0x4B, 2, 0x74, 0x51]))
    bytes[size.lowerBound + 1] = 200
    let shape = try #require(bytes.firstRange(of: [0x28, 0x4B, 2, 0x74]))
    bytes[shape.lowerBound + 2] = 200
    bytes = try withRightSums(bytes)
    let error = #expect(throws: ArchiveError.self) { try elements("a", of: bytes, as: Int64.self) }
    #expect(error?.problem.contains("has 16 bytes, too few for a tensor of shape [200]") == true)
  }

  @Test(
    arguments: [
      ([2, 3], [3, 1], true), ([2, 3], [1, 2], false), ([6], [0], false), ([1, 6], [99, 1], true),
      ([0, 6], [7, 7], true), ([7], [1], false), ([1 << 40, 1 << 40], [1 << 40, 1], false),
      ([-1, 6], [6, 1], false),
    ] as [([Int], [Int], Bool)])
  func tensorsLieRowByRowWithinTheirStorage(_ shape: [Int], _ strides: [Int], _ isTaken: Bool) {
    let storage = TorchStorage(element: .signed(bytes: 4), key: "0", count: 6)
    let tensor = try? TorchTensor(storage: storage, offset: 0, shape: shape, strides: strides)
    #expect((tensor?.otherStrides == nil && tensor != nil) == isTaken)
    #expect((try? TorchTensor(storage: storage, offset: 6, shape: [1], strides: [1])) == nil)
  }

  /// Nothing is unpacked to a disk, so a member's name leads nowhere.
  @Test func namesThatLeadElsewhereAreOnlyNames() throws {
    let pickle: [UInt8] = [0x80, 2, 0x4B, 7, 0x2E]
    let bytes = try ZipWriter.archive([
      (name: "../../etc/data.pkl", content: pickle), (name: "/etc/passwd", content: [1]),
    ])
    #expect(try bytes.withUnsafeBytes { try TorchFile($0).root.integer } == 7)
  }

  @Test func whatIsNoFileOfTorchIsTold() throws {
    func problem(_ bytes: [UInt8]) -> String? {
      do {
        _ = try bytes.withUnsafeBytes { try TorchFile($0) }
        return nil
      } catch { return (error as? ArchiveError)?.problem }
    }
    #expect(problem([0x80, 2, 0x8A])?.hasPrefix("it is a pickle that is no archive") == true)
    #expect(
      problem(try ZipWriter.archive([(name: "a/other", content: [])]))?.hasPrefix(
        "it has no data.pkl") == true)
    #expect(
      problem(
        try ZipWriter.archive([
          (name: "a/data.pkl", content: [0x80, 2, 0x4E, 0x2E]),
          (name: "a/byteorder", content: Array("big".utf8)),
        ])) == "its tensors are big-endian")
    // The pickle's own size is looked at before it is taken.
    let large = [UInt8](repeating: 0x4E, count: PickleReader.mostBytes + 1)
    #expect(
      problem(try ZipWriter.archive([(name: "a/data.pkl", content: large)]))?.hasPrefix(
        "its pickle takes 67108865 bytes, more than") == true)
  }

  @Test func everyCutAndEveryFlipIsAnArchiveErrorOrHarmless() throws {
    let whole = try TorchWriter.file(Self.value)
    for length in 0..<whole.count {
      #expect(throws: ArchiveError.self) {
        try elements("counts", of: Array(whole[..<length]), as: Int32.self)
      }
    }
    for place in whole.indices {
      var bytes = whole
      bytes[place] ^= 0x10
      do {
        #expect(
          try elements("counts", of: bytes, as: Int32.self).elements == [1, -2, 3, 4, 5, 6])
      } catch {
        #expect(error is ArchiveError)
      }
    }
  }

  /// The archive written anew with the pickle that stands in it, whose checksum is no longer its own.
  private func withRightSums(_ bytes: [UInt8]) throws -> [UInt8] {
    let members = try bytes.withUnsafeBytes { bytes in
      try ZipArchive(bytes).members.map { member in
        let start = member.headerOffset + 30 + member.name.utf8.count
        return (name: member.name, content: Array(bytes[start..<start + member.size]))
      }
    }
    return try ZipWriter.archive(members)
  }
}
