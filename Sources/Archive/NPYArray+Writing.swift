extension NPYArray {
  /// The bytes of a `.npy` file in version 1.0: magic, header padded to a multiple of 64, elements.
  ///
  /// - Parameters:
  ///   - element: the kind of the elements.
  ///   - shape: the extents of the axes, slowest first.
  ///   - elements: the elements row-major, little-endian.
  /// - Precondition: there are as many elements as the shape has.
  /// - Complexity: O(bytes of the elements).
  package static func file(
    _ element: Element, shape: [Int], elements: UnsafeRawBufferPointer
  ) -> [UInt8] {
    precondition(elements.count == shape.reduce(element.size, *), "an element a place of the shape")
    var bytes = header(element, shape: shape)
    bytes.reserveCapacity(bytes.count + elements.count)
    bytes += elements
    return bytes
  }

  /// What stands before the elements in such a file.
  package static func header(_ element: Element, shape: [Int]) -> [UInt8] {
    let extents = shape.map { "\($0)," }.joined(separator: " ")
    var header =
      "{'descr': '\(element.description)', 'fortran_order': False, 'shape': (\(extents)), }"
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    var bytes = magic + [1, 0]
    bytes.append(littleEndian: UInt16(header.utf8.count))
    bytes += header.utf8
    return bytes
  }
}

extension NPYArray.Element: CustomStringConvertible {
  /// NumPy's name of the type, as `descr` has it.
  package var description: String {
    switch self {
    case .unsigned(1): "|u1"
    case .signed(1): "|i1"
    case .unsigned(let bytes): "<u\(bytes)"
    case .signed(let bytes): "<i\(bytes)"
    case .float(let bytes): "<f\(bytes)"
    case .text(let characters): "<U\(characters)"
    case .bytes(let count): "|S\(count)"
    }
  }
}
