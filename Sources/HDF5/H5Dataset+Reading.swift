import CHDF5

/// Reading datasets, which may come from anywhere: nothing is allocated by what a file merely
/// claims.
extension H5Dataset {
  /// Reads all values, last axis fastest.
  ///
  /// - Parameters:
  ///   - type: the number type, which must be the file's.
  ///   - expected: the shape that is expected, or nil for any.
  ///   - limit: the most values wanted; the file's own ``H5Limits/datasetBytes`` holds beside it.
  /// - Throws: ``H5Error``: another type or shape, more than the limits or than the bytes that are
  ///   stored could hold, a checksum that does not agree.
  /// - Complexity: O(bytes of the values).
  public borrowing func read<Value: H5Element>(
    _ type: Value.Type = Value.self, shape expected: [Int]? = nil, limit: Int = .max
  ) throws(H5Error) -> [Value] {
    if let expected, expected != shape {
      throw H5Error(
        .mismatch, at: path, "has the shape \(written(shape)), not \(written(expected))")
    }
    let id = handle.id
    let stored = try H5Handle(path, "has no type", closedBy: { H5Tclose($0) }, { H5Dget_type(id) })
    try requireElement(Value.elementType, stored.id, at: path)
    let size = Value.elementType.size
    let bytes = try checkedBytes(shape, size: size, limit: file.limits.datasetBytes, at: path)
    guard bytes / size <= limit else {
      throw H5Error(.tooLarge, at: path, "holds \(bytes / size) values; at most \(limit) fit here")
    }
    guard bytes > 0 else { return [] }
    try file.spend(bytes, at: path)
    switch storage {
    case .whole:
      try requireStored(bytes)
      var values = [Value](repeating: .zero, count: bytes / size)
      _ = try H5Library.call(path, "cannot be read") {
        values.withUnsafeMutableBytes {
          H5Dread(
            id, Value.elementType.native, chdf5_all(), chdf5_all(), chdf5_default(), $0.baseAddress)
        }
      }
      return values
    case .chunks(let chunk, let filters):
      let chunkBytes = try checkedBytes(
        chunk, size: size, limit: file.limits.chunkBytes, at: path)
      try requireChunks(of: chunk)
      var values = [Value](repeating: .zero, count: bytes / size)
      let decoder = ChunkDecoder(filters: filters, elementSize: size, bytes: chunkBytes)
      try readChunks(of: chunk, by: decoder, elementSize: size, into: &values)
      return values
    }
  }

  /// Reads a one-dimensional dataset of fixed-length UTF-8 strings.
  ///
  /// - Parameter limit: the most strings wanted.
  /// - Throws: ``H5Error``: no such strings, more than the limits, not UTF-8.
  /// - Complexity: O(bytes of the strings).
  public borrowing func readStrings(limit: Int = .max) throws(H5Error) -> [String] {
    let id = handle.id
    let stored = try H5Handle(path, "has no type", closedBy: { H5Tclose($0) }, { H5Dget_type(id) })
    let width = try fixedStringWidth(stored.id, at: path)
    guard shape.count == 1, storage == .whole else {
      throw H5Error(.mismatch, at: path, "is not a plain list of strings")
    }
    let count = try checkedBytes(shape, size: width, limit: file.limits.datasetBytes, at: path)
    guard shape[0] <= limit else {
      throw H5Error(.tooLarge, at: path, "holds \(shape[0]) strings; at most \(limit) fit here")
    }
    guard count > 0 else { return [] }
    try file.spend(count, at: path)
    try requireStored(count)
    var bytes = [UInt8](repeating: 0, count: count)
    let typeID = stored.id
    _ = try H5Library.call(path, "cannot be read") {
      bytes.withUnsafeMutableBytes {
        H5Dread(id, typeID, chdf5_all(), chdf5_all(), chdf5_default(), $0.baseAddress)
      }
    }
    var texts: [String] = []
    for start in stride(from: 0, to: count, by: width) {
      texts.append(try text(bytes[start..<start + width], at: path))
    }
    return texts
  }

  /// Bytes of all values, decoded.
  ///
  /// - Throws: ``H5Error`` where the values are no numbers, beyond the limits, or not all stored.
  public borrowing func storedBytes() throws(H5Error) -> Int {
    guard let type = elementType else { throw H5Error(.mismatch, at: path, "holds no numbers") }
    let bytes = try checkedBytes(
      shape, size: type.size, limit: file.limits.datasetBytes, at: path)
    guard bytes > 0 else { return 0 }
    switch storage {
    case .whole: try requireStored(bytes)
    case .chunks(let chunk, _):
      _ = try checkedBytes(chunk, size: type.size, limit: file.limits.chunkBytes, at: path)
      try requireChunks(of: chunk)
    }
    return bytes
  }

  /// Throws unless at least `bytes` are stored, as an unfiltered dataset must.
  private borrowing func requireStored(_ bytes: Int) throws(H5Error) {
    let id = handle.id
    let stored = H5Library.enter { H5Dget_storage_size(id) }
    guard stored >= UInt64(bytes) else {
      throw H5Error(.tooLarge, at: path, "declares \(bytes) bytes but stores \(stored)")
    }
  }
}
