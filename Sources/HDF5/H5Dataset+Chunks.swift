import CHDF5

/// Chunks are fetched as they are stored and decoded here rather than by H5Dread: libhdf5 1.10 lets
/// a deflate stream grow without bound and believes a chunk that decodes to fewer bytes than it
/// should.
extension H5Dataset {
  /// The index of every chunk of `chunk`, as element offsets, last axis fastest; `body` gets each.
  private borrowing func forEachChunk(
    of chunk: [Int], _ body: ([hsize_t]) throws(H5Error) -> Void
  ) throws(H5Error) {
    var offset = [hsize_t](repeating: 0, count: shape.count)
    while true {
      try body(offset)
      var axis = shape.count - 1
      while axis >= 0 {
        offset[axis] += hsize_t(chunk[axis])
        if offset[axis] < hsize_t(shape[axis]) { break }
        offset[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }

  /// Bytes stored for the chunk at `offset`; 0 where there is none.
  private borrowing func storedBytes(at offset: [hsize_t]) -> Int {
    let id = handle.id
    return H5Library.enter {
      var bytes: hsize_t = 0
      return H5Dget_chunk_storage_size(id, offset, &bytes) < 0 ? 0 : Int(clamping: bytes)
    }
  }

  /// Throws unless every chunk is there, so that a shape cannot claim what the file does not hold.
  borrowing func requireChunks(of chunk: [Int]) throws(H5Error) {
    let limit = 2 * file.limits.chunkBytes
    let path = path
    try forEachChunk(of: chunk) { offset throws(H5Error) in
      let stored = storedBytes(at: offset)
      guard stored > 0 else {
        throw H5Error(
          .tooLarge, at: path, "declares more than it stores: there is no chunk at \(offset)")
      }
      guard stored <= limit else {
        throw H5Error(.tooLarge, at: path, "its chunk at \(offset) takes \(stored) bytes")
      }
    }
  }

  /// Decodes every chunk into its place in `values`.
  borrowing func readChunks<Value: H5Element>(
    of chunk: [Int], by decoder: ChunkDecoder, elementSize: Int, into values: inout [Value]
  ) throws(H5Error) {
    let (id, path, shape) = (handle.id, path, shape)
    try forEachChunk(of: chunk) { offset throws(H5Error) in
      var raw = [UInt8](repeating: 0, count: storedBytes(at: offset))
      var skipped: UInt32 = 0
      _ = try H5Library.call(path, "its chunk at \(offset) cannot be read") {
        raw.withUnsafeMutableBytes {
          H5Dread_chunk(id, chdf5_default(), offset, &skipped, $0.baseAddress)
        }
      }
      guard let decoded = decoder.decode(raw, skipped: skipped) else {
        throw H5Error(
          .mismatch, at: path, "its chunk at \(offset) is damaged: a checksum or size is wrong")
      }
      values.withUnsafeMutableBytes { values in
        decoded.withUnsafeBytes { decoded in
          copy(decoded, chunk: chunk, at: offset.map { Int($0) }, shape, elementSize, to: values)
        }
      }
    }
  }
}

/// Copies the part of a decoded chunk that lies inside `shape` to its place, row by row.
private func copy(
  _ decoded: UnsafeRawBufferPointer, chunk: [Int], at offset: [Int], _ shape: [Int],
  _ elementSize: Int, to values: UnsafeMutableRawBufferPointer
) {
  let last = shape.count - 1
  let rowBytes = min(chunk[last], shape[last] - offset[last]) * elementSize
  var row = [Int](repeating: 0, count: shape.count)
  while true {
    var (source, target) = (0, 0)
    for axis in shape.indices {
      source = source * chunk[axis] + row[axis]
      target = target * shape[axis] + offset[axis] + row[axis]
    }
    UnsafeMutableRawBufferPointer(rebasing: values[(target * elementSize)...].prefix(rowBytes))
      .copyMemory(
        from: UnsafeRawBufferPointer(rebasing: decoded[(source * elementSize)...].prefix(rowBytes)))
    var axis = last - 1
    while axis >= 0 {
      row[axis] += 1
      if row[axis] < chunk[axis], offset[axis] + row[axis] < shape[axis] { break }
      row[axis] = 0
      axis -= 1
    }
    if axis < 0 { return }
  }
}
