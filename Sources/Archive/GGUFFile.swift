/// The tensors of a GGUF file in memory (llama.cpp's container, versions 2 and 3), found by its
/// header; what else the header says is passed over.
///
/// ```swift
/// let file = try GGUFFile(bytes)   // an UnsafeRawBufferPointer
/// for tensor in file.tensors { print(tensor.name, tensor.shape) }
/// ```
package struct GGUFFile {
  /// A tensor as the header describes it.
  package struct Tensor {
    /// Its name, such as `blk.1.ffn_up_exps.weight`.
    package let name: String
    /// The lengths of the axes, slowest first (the file has them the other way round).
    package let shape: [Int]
    /// The number of its type; 0 is single precision.
    package let type: UInt32
    /// Where its numbers begin, from the header's end on.
    let offset: UInt64
  }

  /// The tensors, in the order of the header.
  package let tensors: [Tensor]
  private let bytes: UnsafeRawBufferPointer
  /// Where the header ends, aligned.
  private let start: Int

  /// The first four bytes of every file.
  package static let magic: [UInt8] = Array("GGUF".utf8)
  /// The number of the type of single precision.
  package static let single: UInt32 = 0

  /// Reads the header of the file that fills `bytes`, which must outlive the value.
  ///
  /// - Throws: ``ArchiveError`` where it is no such file, of another version, or cut off.
  /// - Complexity: O(bytes of the header).
  package init(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
    self.bytes = bytes
    var header = GGUFHeader(bytes: bytes)
    guard try header.take(4).elementsEqual(Self.magic) else {
      throw ArchiveError("it is no GGUF file")
    }
    let version = try header.number(UInt32.self)
    guard version == 2 || version == 3 else {
      throw ArchiveError(
        "version \(version) of GGUF is not read",
        remedy: "write it with a llama.cpp of 2023 or later")
    }
    let count = try header.number(UInt64.self)
    let pairs = try header.number(UInt64.self)
    var alignment = 32
    // A pair takes 12 bytes or more and a tensor 24, so neither loop outlasts the file.
    for _ in 0..<(try header.bounded(pairs, bytesEach: 12)) {
      let key = try header.text()
      let type = try header.number(UInt32.self)
      if key == "general.alignment", type == GGUFHeader.uint32 {
        alignment = Int(try header.number(UInt32.self))
      } else {
        try header.skip(type: type)
      }
    }
    guard (1...1 << 20).contains(alignment) else {
      throw ArchiveError("its alignment \(alignment) is not possible")
    }
    var tensors: [Tensor] = []
    for _ in 0..<(try header.bounded(count, bytesEach: 24)) { tensors.append(try header.tensor()) }
    self.tensors = tensors
    start = (header.at + alignment - 1) / alignment * alignment
  }

  /// The numbers of a tensor in single precision.
  ///
  /// - Throws: ``ArchiveError`` where they are of another type, or outside the file.
  /// - Complexity: O(numbers).
  package func singles(of tensor: Tensor) throws(ArchiveError) -> [Float] {
    guard tensor.type == Self.single else {
      throw ArchiveError("its tensor \(tensor.name.prefix(80)) is not in single precision")
    }
    let outside = ArchiveError("its tensor \(tensor.name.prefix(80)) lies outside the file")
    var size = 4
    for extent in tensor.shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw outside }
      size = product
    }
    guard start <= bytes.count, tensor.offset <= UInt64(bytes.count - start),
      size <= bytes.count - start - Int(tensor.offset)
    else { throw outside }
    let first = start + Int(tensor.offset)
    return (0..<size / 4).map {
      Float(bitPattern: bytes.littleEndian(at: first + 4 * $0, as: UInt32.self))
    }
  }
}

/// Takes the header apart, front to back.
private struct GGUFHeader {
  let bytes: UnsafeRawBufferPointer
  var at = 0

  /// Numbers of types of values.
  static let uint32: UInt32 = 4
  private static let text: UInt32 = 8
  private static let array: UInt32 = 9
  /// Bytes of a value of the other types, by their numbers.
  private static let sizes = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8]

  private static let cutOff = ArchiveError("it is cut off in its header")

  mutating func take(_ count: Int) throws(ArchiveError) -> UnsafeRawBufferPointer {
    guard count <= bytes.count - at else { throw Self.cutOff }
    defer { at += count }
    return UnsafeRawBufferPointer(rebasing: bytes[at..<at + count])
  }

  mutating func number<Value: FixedWidthInteger>(
    _ type: Value.Type
  ) throws(ArchiveError) -> Value {
    try take(MemoryLayout<Value>.size).littleEndian(at: 0, as: type)
  }

  /// A number of things that each take so many bytes of the header.
  func bounded(_ count: UInt64, bytesEach: Int) throws(ArchiveError) -> Int {
    guard count <= UInt64((bytes.count - at) / bytesEach) else { throw Self.cutOff }
    return Int(count)
  }

  mutating func text() throws(ArchiveError) -> String {
    let count = try bounded(try number(UInt64.self), bytesEach: 1)
    return String(decoding: try take(count), as: UTF8.self)
  }

  /// Goes past a value.
  mutating func skip(type: UInt32) throws(ArchiveError) {
    switch type {
    case Self.text: _ = try text()
    case Self.array:
      let element = try number(UInt32.self)
      let count = try number(UInt64.self)
      guard element != Self.array else {
        throw ArchiveError("its header has lists of lists, which no writer of GGUF makes")
      }
      if element == Self.text {
        for _ in 0..<(try bounded(count, bytesEach: 8)) { _ = try text() }
      } else {
        let size = try size(of: element)
        _ = try take(try bounded(count, bytesEach: size) * size)
      }
    default: _ = try take(try size(of: type))
    }
  }

  private func size(of type: UInt32) throws(ArchiveError) -> Int {
    guard type < Self.sizes.count, Self.sizes[Int(type)] > 0 else {
      throw ArchiveError("its header has a value of the unknown type \(type)")
    }
    return Self.sizes[Int(type)]
  }

  mutating func tensor() throws(ArchiveError) -> GGUFFile.Tensor {
    let name = try text()
    let axes = try number(UInt32.self)
    guard axes <= 8 else { throw ArchiveError("its header has a tensor of \(axes) axes") }
    var shape: [Int] = []
    for _ in 0..<axes {
      guard let extent = Int(exactly: try number(UInt64.self)) else { throw Self.cutOff }
      shape.insert(extent, at: 0)
    }
    let type = try number(UInt32.self)
    return GGUFFile.Tensor(
      name: name, shape: shape, type: type, offset: try number(UInt64.self))
  }
}
