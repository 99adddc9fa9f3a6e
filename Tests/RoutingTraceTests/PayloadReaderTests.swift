import LZ4Frame
import RoutingTrace
import TestSupport
import Testing

/// Traces whose payloads lie in other frames than writers make.
@Suite struct PayloadReaderTests {
  /// A trace of several chunks with weights, and its payloads.
  static func sample() throws -> (bytes: [UInt8], payloads: [[UInt8]]) {
    let (bytes, _) = try TraceFaultTests.sample()
    return (bytes, try FrameMaker.payloads(of: bytes))
  }

  /// What a reader gives, and what it met.
  static func read(
    _ bytes: [UInt8], _ framing: PayloadFraming
  ) throws -> (chunks: [TraceChunk], findings: FrameFindings, isComplete: Bool) {
    var reader = try TraceReader(
      MemorySource(bytes), name: "memory", reading: TraceReading(framing: framing))
    var chunks: [TraceChunk] = []
    while let chunk = try reader.next() { chunks.append(chunk) }
    return (chunks, reader.findings, reader.index != nil)
  }

  static func expectSame(_ read: [TraceChunk], _ bytes: [UInt8]) throws {
    let whole = try chunks(in: bytes)
    #expect(read.map(\.block) == whole.map(\.block))
    #expect(read.map(\.checksum) == whole.map(\.checksum))
    #expect(read.map(\.ordinal) == whole.map(\.ordinal))
  }

  /// A frame a payload is read by everybody, whatever kind of frame.
  @Test(arguments: ContentFraming.all, [PayloadFraming.framePerPayload, .any])
  func aFrameAPayload(maker: FrameMaker, framing: PayloadFraming) throws {
    let (bytes, payloads) = try Self.sample()
    let read = try Self.read(payloads.flatMap { maker.frame($0) }, framing)
    try Self.expectSame(read.chunks, bytes)
    #expect(read.findings.lacksChecksums == maker.lacksChecksums)
    #expect(!read.findings.isRecut && !read.isComplete)
  }

  /// Skippable frames of others, and frames without content, stand anywhere; the index is found.
  @Test(arguments: [PayloadFraming.framePerPayload, .any])
  func skippableFramesArePassedOver(framing: PayloadFraming) throws {
    let (bytes, payloads) = try Self.sample()
    let between = FrameMaker.skippable(2, Array("notes".utf8)) + FrameMaker().frame([])
    let index = bytes[frames(of: bytes)...]
    let other = payloads.flatMap { between + FrameMaker().frame($0) } + index + between
    let read = try Self.read(other, framing)
    try Self.expectSame(read.chunks, bytes)
    #expect(read.findings == FrameFindings() && read.isComplete)
  }

  /// Bytes of the data frames of a trace.
  private func frames(of bytes: [UInt8]) -> Int {
    var at = bytes.count - 4
    while bytes[at..<at + 4] != [0x5E, 0x2A, 0x4D, 0x18] { at -= 1 }
    return at
  }

  /// Compressed as one frame, or cut and joined anywhere: refused by those who learn, with a remedy
  /// that works; read by those who write it anew.
  @Test(arguments: [Int.max, 1, 7, 100, 1000], ContentFraming.all)
  func recompressedTraces(cut: Int, maker: FrameMaker) throws {
    let (bytes, payloads) = try Self.sample()
    let content = payloads.flatMap(\.self)
    let other = stride(from: 0, to: content.count, by: min(cut, content.count)).flatMap {
      maker.frame(Array(content[$0..<min(content.count, $0.advanced(by: min(cut, content.count)))]))
    }
    let error = #expect(throws: TraceError.self) { try Self.read(other, .framePerPayload) }
    #expect(error?.kind == .reframed, "\(String(describing: error))")
    #expect(error?.remedy == "write it anew with `moecast import -o NEW.moe.lz4 OLD.moe.lz4`")
    let read = try Self.read(other, .any)
    try Self.expectSame(read.chunks, bytes)
    #expect(read.findings.isRecut)
    #expect(read.findings.lacksChecksums == maker.lacksChecksums)
  }

  /// Whoever takes any frames takes the usual ones as exactly as the others do.
  @Test func usualFramesAreCheckedWholeByAll() throws {
    let (bytes, _) = try Self.sample()
    let usual = try Self.read(bytes, .any)
    try Self.expectSame(usual.chunks, bytes)
    #expect(usual.findings == FrameFindings() && usual.isComplete)
    let whole = usual.chunks.map(\.block)
    for bit in stride(from: 0, to: bytes.count * 8, by: 3) {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << (bit % 8)
      if let read = try? Self.read(damaged, .any) {
        #expect(read.chunks.map(\.block) == Array(whole.prefix(read.chunks.count)), "bit \(bit)")
      }
    }
  }

  /// A trace of one frame that is damaged is never read to its end; a cut one gives its front.
  @Test func damagedFramesOfSeveralChunks() throws {
    let (bytes, payloads) = try Self.sample()
    let whole = try chunks(in: bytes).map(\.block)
    let frame = FrameMaker(contentSize: false, linked: true).frame(payloads.flatMap(\.self))
    for bit in stride(from: 0, to: frame.count * 8, by: 5) {
      var damaged = frame
      damaged[bit / 8] ^= 1 << (bit % 8)
      if let read = try? Self.read(damaged, .any) {
        #expect(read.chunks.map(\.block) == whole, "bit \(bit)")
      }
    }
    for count in stride(from: 1, to: frame.count, by: 7) {
      let contents = try? contents(Array(frame[..<count]))
      if let contents {
        #expect(contents.damage?.kind == .truncated)
        #expect(contents.damage?.remedy.contains("inspect --repair") == true)
      }
    }
  }

  private func contents(_ bytes: [UInt8]) throws -> TraceContents {
    var reader = try TraceReader(
      MemorySource(bytes), name: "memory", reading: TraceReading(framing: .any))
    return try TraceContents(of: &reader)
  }

  /// What is no trace, or is packed otherwise, is called what it is.
  @Test func whatElseItMayBe() throws {
    let (bytes, payloads) = try Self.sample()
    let raw = payloads.flatMap(\.self)
    let cases: [([UInt8], TraceError.Kind, String, String)] = [
      (raw, .reframed, "it is a moecast trace without LZ4 frames", "lz4 -c OLD | moecast import"),
      ([0x02, 0x21, 0x4C, 0x18] + bytes, .reframed, "LZ4's legacy format", "lz4 -dc OLD | lz4 -c"),
      ([0x1F, 0x8B, 8, 0], .notATrace, "it is compressed with gzip", "gzip -d"),
      ([0x28, 0xB5, 0x2F, 0xFD], .notATrace, "it is compressed with zstd", "zstd -d"),
      (
        [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A], .notATrace, "it is an HDF5 file",
        "moecast inspect"
      ),
      (FrameMaker().frame(Array("{}".utf8)), .notATrace, "holds something else", "lz4 -d"),
      (Array("[{}]".utf8), .notATrace, "it is not a moecast trace", "--experts E"),
    ]
    for (bytes, kind, problem, remedy) in cases {
      for framing in [PayloadFraming.framePerPayload, .any] {
        let error = #expect(throws: TraceError.self) { try Self.read(bytes, framing) }
        #expect(error?.kind == kind)
        #expect(error?.problem.contains(problem) == true, "\(String(describing: error))")
        #expect(error?.remedy.contains(remedy) == true, "\(String(describing: error))")
      }
    }
    var dictionary = FrameMaker().frame(raw)
    dictionary[4] |= 1
    for framing in [PayloadFraming.framePerPayload, .any] {
      let error = #expect(throws: TraceError.self) { try Self.read(dictionary, framing) }
      #expect(error?.remedy.contains("-D DICTIONARY") == true)
    }
  }

  /// A chunk that claims more than is read is not waited for.
  @Test func claimsAreNotBelieved() throws {
    let (_, payloads) = try Self.sample()
    var chunk = payloads[1]
    chunk.replaceSubrange(16..<20, with: [255, 255, 255, 255])
    let frame = FrameMaker(contentChecksum: false).frame(payloads[0] + chunk)
    let error = #expect(throws: TraceError.self) { try Self.read(frame, .any) }
    #expect(error?.kind == .tooLarge)
    let garbage = FrameMaker().frame(payloads[0] + payloads[1] + Array("and more".utf8))
    let trailing = #expect(throws: TraceError.self) { try Self.read(garbage, .any) }
    #expect(trailing?.problem == "no chunk begins there")
    #expect(trailing?.chunk == 1)
  }
}

/// Frames of all kinds.
enum ContentFraming {
  static let all = [
    FrameMaker(), FrameMaker(contentChecksum: false), FrameMaker(contentSize: false),
    FrameMaker(linked: true, blockSize: 64), FrameMaker(blockChecksums: true),
    FrameMaker(contentChecksum: false, contentSize: false, blockChecksums: true, linked: true),
    FrameMaker(contentChecksum: false, contentSize: false, linked: true),
  ]
}
