/// A NumPy array in the `.npy` format (NEP 1), versions 1.0 to 3.0: header parsed, elements still
/// to be taken, once.
///
/// ```swift
/// try bytes.withUnsafeBytes { bytes in
///   let array = try NPYArray(MemberContent(bytes))
///   print(array.element, array.shape, array.count)
/// }
/// ```
///
/// Plain little-endian arrays in C order only; object arrays are pickles, which this program never
/// runs.
package struct NPYArray {
  /// The kinds of element that are read and written.
  package enum Element: Equatable, Sendable {
    case unsigned(bytes: Int)
    case signed(bytes: Int)
    case float(bytes: Int)
    /// UTF-32 characters, padded with zeros.
    case text(characters: Int)
    /// Bytes, padded with zeros.
    case bytes(count: Int)

    /// Whether elements are whole numbers.
    package var isWhole: Bool {
      switch self {
      case .unsigned, .signed: true
      case .float, .text, .bytes: false
      }
    }

    /// Bytes of one element.
    package var size: Int {
      switch self {
      case .unsigned(let bytes), .signed(let bytes), .float(let bytes): bytes
      case .text(let characters): 4 * characters
      case .bytes(let count): count
      }
    }
  }

  /// The kind of the elements.
  package let element: Element
  /// The extents of the axes, slowest first; empty for a scalar.
  package let shape: [Int]
  /// The elements' bytes, row-major.
  package let content: MemberContent
  /// Elements (the product of the shape).
  package let count: Int

  /// The longest header taken; NumPy reads 10,000 bytes.
  private static let longestHeader = 1 << 16

  /// The first six bytes of every `.npy` file.
  package static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// An array whose elements are the next of `content`, which has as many.
  package init(element: Element, shape: [Int], content: MemberContent) {
    (self.element, self.shape, self.content) = (element, shape, content)
    count = shape.reduce(1, *)
  }

  /// Parses the header of the array that is all of `content`.
  ///
  /// - Throws: ``ArchiveError`` where it is no such array, or one that is not read.
  package init(_ content: MemberContent) throws(ArchiveError) {
    let noArray = ArchiveError("it is not a NumPy array, or cut off in its header")
    guard content.remaining >= 10 else { throw noArray }
    let start = try content.take(8)
    guard start.starts(with: Self.magic) else { throw noArray }
    let version = start[6]
    guard (1...3).contains(version), start[7] == 0 else {
      throw ArchiveError("version \(version).\(start[7]) of .npy is not known")
    }
    let cutOff = ArchiveError("it is cut off in its header")
    guard version == 1 || content.remaining >= 4 else { throw cutOff }
    let length =
      version == 1
      ? Int(try content.take(2).littleEndian(at: 0, as: UInt16.self))
      : Int(try content.take(4).littleEndian(at: 0, as: UInt32.self))
    guard length <= content.remaining else { throw cutOff }
    guard length <= Self.longestHeader else {
      throw ArchiveError("its header takes \(length) bytes, more than \(Self.longestHeader)")
    }
    let header = try NPYHeader(try content.take(length))
    element = try Self.element(header.descr)
    guard !header.isFortranOrder || header.shape.count < 2 else {
      throw ArchiveError(
        "it is in Fortran order", remedy: "write it with numpy.ascontiguousarray(array)")
    }
    shape = header.shape
    var size = element.size
    for extent in shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw ArchiveError("its shape \(shape) is impossible") }
      size = product
    }
    guard content.remaining == size else {
      throw ArchiveError(
        "its header promises \(size) bytes of shape \(shape), but \(content.remaining) follow")
    }
    self.content = content
    count = element.size == 0 ? 0 : size / element.size
  }

  /// The kind of elements that NumPy calls `descr`.
  private static func element(_ descr: String) throws(ArchiveError) -> Element {
    guard let order = descr.first, let kind = descr.dropFirst().first,
      let size = Int(descr.dropFirst(2)), (0...1 << 20).contains(size) || kind == "O"
    else {
      if descr.hasPrefix("|O") { throw .object }
      throw ArchiveError(
        "its element type '\(descr)' is not known", remedy: "write it with array.astype('int32')")
    }
    if kind == "O" { throw .object }
    guard order != ">" else {
      throw ArchiveError(
        "it is big-endian ('\(descr)')",
        remedy: "write it with array.astype(array.dtype.newbyteorder('<'))")
    }
    switch (kind, size) {
    case ("u", 1), ("u", 2), ("u", 4), ("u", 8): return .unsigned(bytes: size)
    case ("i", 1), ("i", 2), ("i", 4), ("i", 8): return .signed(bytes: size)
    case ("f", 2), ("f", 4), ("f", 8): return .float(bytes: size)
    case ("U", _): return .text(characters: size)
    case ("S", _): return .bytes(count: size)
    default:
      throw ArchiveError(
        "its element type '\(descr)' is not known", remedy: "write it with array.astype('int32')")
    }
  }
}
