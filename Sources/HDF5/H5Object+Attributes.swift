import CHDF5

extension H5Object where Self: ~Copyable {
  /// Writes a UTF-8 string attribute of fixed length.
  ///
  /// - Throws: ``H5Error`` where it is larger than ``H5Limits/attributeBytes``, or HDF5 refuses it.
  public func set(_ name: String, to value: String) throws(H5Error) {
    let place = "\(path)@\(name)"
    try requireNoNUL(value, at: place)
    let bytes = Array(value.utf8)
    let type = try makeStringType(bytes: bytes.count, at: place)
    try write(name, typeID: type.id, shape: nil, bytes.isEmpty ? [0] : bytes, at: place)
  }

  /// Writes an attribute that is one number.
  ///
  /// - Throws: ``H5Error`` where HDF5 refuses it.
  public func set<Value: H5Element>(_ name: String, to value: Value) throws(H5Error) {
    let place = "\(path)@\(name)"
    try write(name, element: Value.elementType, shape: nil, [value], at: place)
  }

  /// Writes an attribute that is a one-dimensional array of numbers; it may be empty.
  ///
  /// - Throws: ``H5Error`` where it is larger than ``H5Limits/attributeBytes``, or HDF5 refuses it.
  public func set<Value: H5Element>(_ name: String, to values: [Value]) throws(H5Error) {
    let place = "\(path)@\(name)"
    try write(name, element: Value.elementType, shape: [values.count], values, at: place)
  }

  /// Whether there is an attribute of this name.
  ///
  /// - Throws: ``H5Error`` where HDF5 refuses to look.
  public func hasAttribute(_ name: String) throws(H5Error) -> Bool {
    let id = identifier.id
    return try H5Library.call("\(path)@\(name)", "cannot be looked for") { H5Aexists(id, name) } > 0
  }

  /// Reads a string attribute of fixed length.
  ///
  /// - Throws: ``H5Error``: missing, not a string, of variable length, over the limit, not UTF-8.
  public func string(_ name: String) throws(H5Error) -> String {
    let place = "\(path)@\(name)"
    let attribute = try openAttribute(name, at: place)
    let type = try attributeType(attribute.id, at: place)
    let width = try fixedStringWidth(type.id, at: place)
    guard try attributeShape(attribute.id, at: place).isEmpty else {
      throw H5Error(.mismatch, at: place, "is an array, not one string")
    }
    _ = try checkedBytes([], size: width, limit: identifier.file.limits.attributeBytes, at: place)
    var bytes = [UInt8](repeating: 0, count: width)
    let (id, typeID) = (attribute.id, type.id)
    _ = try H5Library.call(place, "cannot be read") {
      bytes.withUnsafeMutableBytes { H5Aread(id, typeID, $0.baseAddress) }
    }
    return try text(bytes[...], at: place)
  }

  /// Reads a scalar number that has exactly this type.
  ///
  /// - Throws: ``H5Error``: missing, no scalar, of another type.
  public func number<Value: H5Element>(
    _ name: String, as type: Value.Type = Value.self
  ) throws(H5Error) -> Value {
    let values = try read(name, as: type, scalar: true)
    guard let value = values.first else {
      throw H5Error(.mismatch, at: "\(path)@\(name)", "is empty")
    }
    return value
  }

  /// Reads a one-dimensional array of numbers that has exactly this type.
  ///
  /// - Throws: ``H5Error``: missing, of another type or rank, over the limit.
  public func numbers<Value: H5Element>(
    _ name: String, as type: Value.Type = Value.self
  ) throws(H5Error) -> [Value] {
    try read(name, as: type, scalar: false)
  }

  /// Reads a number attribute of exactly this type; one value if `scalar`.
  private func read<Value: H5Element>(
    _ name: String, as: Value.Type, scalar: Bool
  ) throws(H5Error) -> [Value] {
    let place = "\(path)@\(name)"
    let attribute = try openAttribute(name, at: place)
    let type = try attributeType(attribute.id, at: place)
    try requireElement(Value.elementType, type.id, at: place)
    let shape = try attributeShape(attribute.id, at: place)
    guard shape.count == (scalar ? 0 : 1) else {
      throw H5Error(.mismatch, at: place, "has the shape \(written(shape))")
    }
    let limit = identifier.file.limits.attributeBytes
    let bytes = try checkedBytes(shape, size: Value.elementType.size, limit: limit, at: place)
    guard bytes > 0 else { return [] }
    var values = [Value](repeating: .zero, count: bytes / Value.elementType.size)
    let id = attribute.id
    _ = try H5Library.call(place, "cannot be read") {
      values.withUnsafeMutableBytes { H5Aread(id, Value.elementType.native, $0.baseAddress) }
    }
    return values
  }

  /// Opens the attribute `name`.
  private func openAttribute(_ name: String, at place: String) throws(H5Error) -> H5Handle {
    guard try hasAttribute(name) else {
      throw H5Error(.missing, at: place, "there is no such attribute")
    }
    let owner = identifier
    return try H5Handle(
      place, "cannot be opened",
      closedBy: { id in withExtendedLifetime(owner.file) { H5Aclose(id) } },
      { H5Aopen(owner.id, name, chdf5_default()) })
  }

  /// The type of an open attribute.
  private func attributeType(_ id: hid_t, at place: String) throws(H5Error) -> H5Handle {
    try H5Handle(place, "has no type", closedBy: { H5Tclose($0) }, { H5Aget_type(id) })
  }

  /// The lengths of an open attribute's axes; empty for a scalar.
  private func attributeShape(_ id: hid_t, at place: String) throws(H5Error) -> [Int] {
    let space = try H5Handle(
      place, "has no dataspace", closedBy: { H5Sclose($0) }, { H5Aget_space(id) })
    return try HDF5.shape(ofSpace: space.id, at: place)
  }

  /// Writes numbers as an attribute; `shape` is nil for a scalar.
  private func write<Value: H5Element>(
    _ name: String, element: H5ElementType, shape: [Int]?, _ values: [Value], at place: String
  ) throws(H5Error) {
    let type = try H5Handle(
      place, "the type was not copied", closedBy: { H5Tclose($0) }, { H5Tcopy(element.stored) })
    try write(name, typeID: type.id, native: element, shape: shape, values, at: place)
  }

  /// Writes `values` as stored type `typeID`, from memory of `native`, or of `typeID` itself.
  private func write<Value: BitwiseCopyable>(
    _ name: String, typeID: hid_t, native: H5ElementType? = nil, shape: [Int]?, _ values: [Value],
    at place: String
  ) throws(H5Error) {
    // A text is passed as bytes, one a place, so the size is right for texts and numbers.
    let size = values.count * MemoryLayout<Value>.stride
    let limit = identifier.file.limits.attributeBytes
    guard size <= limit else {
      throw H5Error(
        .tooLarge, at: place, "declares \(size) bytes; at most \(limit) are possible")
    }
    let space = try makeSpace(shape, at: place)
    let (owner, spaceID) = (identifier, space.id)
    let attribute = try H5Handle(
      place, "cannot be made", closedBy: { H5Aclose($0) },
      { H5Acreate2(owner.id, name, typeID, spaceID, chdf5_default(), chdf5_default()) })
    guard !values.isEmpty else { return }
    let id = attribute.id
    _ = try H5Library.call(place, "cannot be written") {
      values.withUnsafeBytes { H5Awrite(id, native?.native ?? typeID, $0.baseAddress) }
    }
  }
}

/// Throws unless `type` is the stored form of `element`.
func requireElement(_ element: H5ElementType, _ type: hid_t, at place: String) throws(H5Error) {
  guard H5Library.enter({ H5Tequal(type, element.stored) }) > 0 else {
    throw H5Error(.mismatch, at: place, "does not hold little-endian \(element.rawValue) numbers")
  }
}

/// Width in bytes of the fixed-length string type `type`.
func fixedStringWidth(_ type: hid_t, at place: String) throws(H5Error) -> Int {
  let (kind, variable, width) = H5Library.enter {
    (H5Tget_class(type), H5Tis_variable_str(type), H5Tget_size(type))
  }
  guard kind == H5T_STRING else { throw H5Error(.mismatch, at: place, "is not a string") }
  guard variable == 0, width > 0 else {
    throw H5Error(.mismatch, at: place, "is a string of variable length; a fixed one is expected")
  }
  return width
}

/// A padded string's text.
func text(_ bytes: ArraySlice<UInt8>, at place: String) throws(H5Error) -> String {
  guard let text = String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self) else {
    throw H5Error(.mismatch, at: place, "is not UTF-8")
  }
  return text
}
