import LZ4Frame

/// Parts of a trace by their chunks' ordinals, for those who share it out.
extension TraceReader where Source: SeekableSource {
  /// The index at the trace's end, found from there.
  ///
  /// ```swift
  /// let index = try TraceReader.index(of: file, name: file.name)
  /// let half = 0..<index.offsets.count / 2
  /// var reader = try TraceReader(file, name: file.name, chunks: half, of: index)
  /// ```
  ///
  /// - Throws: ``TraceError`` where there is no index, where it is damaged, or where traces were
  ///   joined: the index at the end tells of the last of them only.
  /// - Complexity: O(chunks) and the decoding of one, whatever the others hold.
  public static func index(of source: Source, name: String) throws -> TraceIndex {
    var source = source
    try source.seek(to: 0)
    let found: (index: TraceIndex, position: Int)?
    do { found = try TraceIndex.atEnd(of: &source) } catch let error as PayloadError {
      throw TraceError(
        .corrupt, file: name, problem: error.problem,
        remedy: "read it from its beginning, or write its chunks anew with "
          + "`moecast inspect --repair NEW OLD`")
    }
    guard let (index, position) = found else {
      throw TraceError(
        .truncated, file: name,
        problem: "it has no index at its end, by which a part of it could be found",
        remedy: "read it from its beginning, or give it one with `moecast inspect --repair NEW OLD`"
      )
    }
    guard let last = index.offsets.last else { return index }
    // The index of a trace that stands alone begins where its last chunk ends; in joined traces its
    // offsets are those of the last part, and the two do not meet.
    try source.seek(to: last)
    var frames = FrameReader(source, maximumContent: TokenBlock.largestPayload)
    do {
      guard try frames.next(into: FrameBuffer()) != nil, last + frames.offset == position else {
        throw joined(name)
      }
    } catch is LZ4FrameError {
      throw joined(name)
    }
    return index
  }

  /// The error of traces that were joined, whose parts no single index tells.
  private static func joined(_ name: String) -> TraceError {
    TraceError(
      .corrupt, file: name,
      problem:
        "its index does not tell where its chunks are: traces were joined, it was recompressed, "
        + "or it is damaged",
      remedy:
        "read it from its beginning, or write it as one with `moecast inspect --repair NEW OLD`")
  }

  /// Reads the chunks of `range` only; what comes before them is not looked at.
  ///
  /// Chunks keep their ordinals and requests their numbers, so that ranges put together are the
  /// whole.
  ///
  /// - Parameters:
  ///   - source: the bytes of the trace.
  ///   - name: what to call it in messages.
  ///   - range: ordinals of the chunks to read.
  ///   - index: that of the trace; see ``index(of:name:)``.
  ///   - reading: what is read of it, and how.
  /// - Precondition: `range` lies within the index.
  /// - Throws: ``TraceError``.
  public init(
    _ source: Source, name: String, chunks range: Range<Int>, of index: TraceIndex,
    reading: TraceReading = TraceReading()
  ) throws {
    precondition(range.lowerBound >= 0 && range.upperBound <= index.offsets.count)
    var source = source
    try source.seek(to: 0)
    try self.init(source, name: name, reading: reading)
    self.index = index
    chunksLeft = range.count
    guard !range.isEmpty else { return }
    try payloads.seek(to: index.offsets[range.lowerBound])
    partChunks = range.lowerBound
    chunks = range.lowerBound
  }
}

extension TraceIndex {
  /// The index that ends where `source` ends, and where its frame begins; nil where there is none.
  ///
  /// Read from the end, an index is a checksum and offsets that descend up to its own header, so
  /// that its length need not be known, and something else is soon seen not to be one.
  static func atEnd(
    of source: inout some SeekableSource
  ) throws -> (index: TraceIndex, position: Int)? {
    let length = source.length
    var tail: [UInt8] = []
    var later = UInt64(length)
    var chunks = 0
    while true {
      let frame = emptyFrame + 8 * chunks
      guard frame <= length else { return nil }
      if frame > tail.count {
        tail = try end(of: &source, count: min(length, max(1 << 16, 4 * frame)))
        guard frame <= tail.count else { return nil }
      }
      let start = tail.count - frame
      func word<Value: FixedWidthInteger>(_ at: Int, _: Value.Type) -> Value {
        tail.withUnsafeBytes {
          Value(littleEndian: $0.loadUnaligned(fromByteOffset: at, as: Value.self))
        }
      }
      if word(start, UInt32.self) == 0x184D_2A50 | UInt32(variant),
        Int(word(start + 4, UInt32.self)) == frame - 8, tail[(start + 8)...].starts(with: magic)
      {
        let index = try tail.withUnsafeBytes { tail in
          try TraceIndex(
            decoding: UnsafeRawBufferPointer(rebasing: tail[(start + 8)...]),
            checksum: { xxh32($0) })
        }
        return (index, length - frame)
      }
      let offset = word(tail.count - 12 - 8 * chunks, UInt64.self)
      guard offset < later else { return nil }
      later = offset
      chunks += 1
    }
  }

  /// Bytes of the frame of an index without chunks.
  private static let emptyFrame = 44

  /// The last `count` bytes of a source.
  private static func end(of source: inout some SeekableSource, count: Int) throws -> [UInt8] {
    try source.seek(to: source.length - count)
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let read = try bytes.withUnsafeMutableBytes {
        try source.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
      }
      // The file was cut while it was read.
      guard read > 0 else { return [] }
      filled += read
    }
    return bytes
  }
}
