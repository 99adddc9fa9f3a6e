import LZ4Frame
import RoutingTrace
import SystemPackage
import TestSupport
import Testing

@Suite struct TraceFaultTests {
  /// A small trace and the blocks it holds.
  static func sample() throws -> (bytes: [UInt8], blocks: [TokenBlock]) {
    let shape = try TraceShape(model: "m", modelLayers: [0, 1], experts: 9, topK: 2)
    var random = SplitMix64(seed: 3)
    var writer = try TraceWriter(
      MemorySink(), header: TraceHeader(shape: shape), chunkTokens: 6)
    for _ in 0..<3 {
      try writer.append(
        RequestTrace.random(
          shape: shape, prefill: 4, decode: 5, weighted: true, name: "n", using: &random))
    }
    try writer.finish()
    return (writer.sink.bytes, try blocks(of: writer.sink.bytes).get().blocks)
  }

  /// The blocks handed on before the end or an error.
  static func blocks(
    of bytes: [UInt8]
  ) -> Result<(blocks: [TokenBlock], error: TraceError?, complete: Bool), any Error> {
    var blocks: [TokenBlock] = []
    do {
      var reader = try TraceReader(MemorySource(bytes), name: "memory")
      do {
        while let chunk = try reader.next() { blocks.append(chunk.block) }
      } catch let error as TraceError {
        return .success((blocks, error, false))
      }
      return .success((blocks, nil, reader.index != nil))
    } catch let error as TraceError {
      return .success(([], error, false))
    } catch {
      return .failure(error)
    }
  }

  @Test func everyTruncationIsNoticedAndWholeChunksSurvive() throws {
    let (bytes, whole) = try Self.sample()
    for count in 0..<bytes.count {
      let read = try Self.blocks(of: Array(bytes[..<count])).get()
      #expect(read.error != nil || !read.complete)
      #expect(read.blocks == Array(whole[..<read.blocks.count]))
    }
  }

  @Test func noFlippedBitReachesALearner() throws {
    let (bytes, whole) = try Self.sample()
    for bit in 0..<bytes.count * 8 {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << (bit % 8)
      let read = try Self.blocks(of: damaged).get()
      // Some flips spell the same content otherwise (a match at another offset); they lose nothing.
      #expect(read.blocks == Array(whole[..<read.blocks.count]))
      #expect(read.error != nil || !read.complete || read.blocks.count == whole.count)
    }
  }

  /// Chunks are whole each by itself; one that is gone, or that stands elsewhere, is missed.
  @Test func chunksComeInTheirOrder() throws {
    let shape = try TraceShape(modelLayers: [0], experts: 4, topK: 1)
    var writer = try TraceWriter(MemorySink(), header: TraceHeader(shape: shape), chunkTokens: 2)
    for expert in 0..<3 as Range<UInt16> {
      try writer.append(RequestTrace(name: "", task: "", prefill: 0, ids: [expert, expert]))
    }
    try writer.finish()
    let bytes = writer.sink.bytes
    let starts = writer.index.offsets.map { Int($0) }
    #expect(starts.count == 3)
    let frames = (0..<2).map { bytes[starts[$0]..<starts[$0 + 1]] }
    let cut = bytes[..<starts[0]] + bytes[starts[1]...]
    let swapped = bytes[..<starts[0]] + frames[1] + frames[0] + bytes[starts[2]...]
    for damaged in [cut, swapped] {
      let read = try Self.blocks(of: Array(damaged)).get()
      #expect(read.blocks.isEmpty)
      #expect(read.error?.kind == .corrupt)
      #expect(read.error?.problem == "chunk 0 should stand here, this is chunk 1")
    }
  }

  @Test func filesWithoutAnIndexAreUnfinished() throws {
    let folder = try TemporaryFolder()
    let shape = try TraceShape(modelLayers: [0], experts: 4, topK: 1)
    let request = RequestTrace(name: "", task: "", prefill: 0, ids: [1, 2])
    let files = try [("1", true), ("2", false), ("3", true)].map { name, finishing in
      try folder.write(
        traceBytes(of: [request], shape: shape, finishing: finishing), to: name + ".moe.lz4")
    }
    var stream = try TraceStream(files)
    while try stream.next() != nil {}
    #expect(stream.chunks == 3 && stream.remarks.unfinished == [files[1]])
  }

  @Test func errorsNameChunkAndByte() throws {
    let (bytes, _) = try Self.sample()
    let error = try #require(try Self.blocks(of: Array(bytes[..<(bytes.count - 150)])).get().error)
    #expect(error.kind == .truncated)
    #expect(error.chunk != nil && error.offset != nil)
    #expect(error.description.hasPrefix("memory, chunk "))
    #expect(!error.description.contains("\n"))
  }

  @Test func somethingElseIsNotATrace() throws {
    for bytes in [
      Array("{\"json\": 1}".utf8), Array("hi".utf8), [0], [UInt8](repeating: 0, count: 100),
    ] {
      let error = try #require(try Self.blocks(of: bytes).get().error)
      #expect(error.kind == .notATrace)
    }
    var other = FrameWriter(MemorySink())
    try other.writeData(Array("hello".utf8))
    #expect(try Self.blocks(of: other.sink.bytes).get().error?.kind == .notATrace)
    #expect(try Self.blocks(of: []).get().error?.kind == .truncated)
  }

  @Test func idsNoRouterCouldChooseAreRefused() throws {
    let shape = try TraceShape(modelLayers: [0, 5], experts: 4, topK: 2)
    let run = TokenRun(request: 7, stage: .decode, firstToken: 3, count: 1)
    let cases: [([UInt16], String)] = [
      ([0, 1, 2, 4], "request 7, token 3, layer 5: expert 4 is outside 0 to 3"),
      ([0, 1, 2, 2], "request 7, token 3, layer 5: expert 2 is chosen twice"),
      (
        [TokenBlock.emptySlot, 1, 2, 3],
        "request 7, token 3, layer 0: an empty slot stands before a filled one"
      ),
    ]
    for (ids, message) in cases {
      let error = #expect(throws: BlockError.self) {
        try TokenBlock(shape: shape, runs: [run], ids: ids)
      }
      #expect(error?.description == message)
    }
  }

  @Test(arguments: [1, 3, 15, 16, 17, 31, 33, 63])
  func idsOfHalfAnEventAreRefused(count: Int) throws {
    let shape = try TraceShape(modelLayers: [0], experts: 100, topK: 4)
    let run = TokenRun(request: 0, stage: .decode, firstToken: 0, count: count / 4 + 1)
    #expect(throws: BlockError.self) {
      try TokenBlock(shape: shape, runs: [run], ids: (0..<UInt16(count)).map { $0 })
    }
  }

  @Test func missingFoldersAndEmptyOnesSayWhatToDo() throws {
    let folder = try TemporaryFolder()
    let empty = #expect(throws: TraceError.self) { try TraceStream([folder.path]) }
    #expect(empty?.description.contains("moecast import") == true)
    let missing = #expect(throws: TraceError.self) { try TraceStream([folder.file("none")]) }
    #expect(missing?.kind == .access)
  }

  @Test func waitingForAnIdlePipeCanBeStopped() throws {
    let folder = try TemporaryFolder()
    let pipe = folder.file("pipe")
    try run("mkfifo", pipe)
    // Held open for writing by us, so that it is idle and not at its end.
    let holder = try FileDescriptor.open(FilePath(pipe), .readWrite)
    defer { try? holder.close() }
    let source = try TraceFile(pipe, isCancelled: { true })
    #expect(throws: CancellationError.self) {
      _ = try TraceReader(source, name: pipe)
    }
    _ = try holder.writeAll([1, 2, 3])
    let read = try withUnsafeTemporaryAllocation(byteCount: 8, alignment: 1) {
      try source.read(into: $0)
    }
    #expect(read == 3)
  }
}
