import Archive
import RoutingTrace

/// Elements of an array as traces need them; they can be taken once.
extension NPYArray {
  /// Ids, or weights, of a request at most: 1 GiB in memory, as half-words.
  static let mostValues = 1 << 29

  /// An element that is no id of any model, with its ordinal.
  typealias OutOfRange = (index: Int, value: Int)

  /// Expert ids as ``RawRequest/ids`` has them, and the first element that is out of range.
  ///
  /// -1 is an empty slot, and so is the largest number of an unsigned type, which -1 becomes there;
  /// of one byte only where it is no expert.
  func ids(experts: Int) throws(ArchiveError) -> (ids: [UInt16], outOfRange: OutOfRange?) {
    switch element {
    case .unsigned(1) where experts <= UInt8.max:
      (try converted(UInt8.self) { $0 == .max ? TokenBlock.emptySlot : UInt16($0) }, nil)
    case .unsigned(1): try narrowed(UInt8.self)
    case .unsigned(2): try narrowed(UInt16.self)
    case .unsigned(4): try narrowed(UInt32.self)
    case .unsigned(8): try narrowed(UInt64.self)
    case .signed(1): try narrowed(Int8.self)
    case .signed(2): try narrowed(Int16.self)
    case .signed(4): try narrowed(Int32.self)
    case .signed(8): try narrowed(Int64.self)
    default:
      throw ArchiveError(
        "its elements are not whole numbers", remedy: "write it with array.astype('int32')")
    }
  }

  /// Gate weights in half precision.
  func weights() throws(ArchiveError) -> [Float16] {
    switch element {
    case .float(2): try converted(UInt16.self) { Float16(bitPattern: $0) }
    case .float(4): try converted(UInt32.self) { Float16(Float(bitPattern: $0)) }
    case .float(8): try converted(UInt64.self) { halfPrecision(Double(bitPattern: $0)) }
    default:
      throw ArchiveError(
        "its elements are not floating-point numbers",
        remedy: "write it with array.astype('float16'), or leave weights out with --no-weights")
    }
  }

  /// The only element of an array without axes, as text; numbers are written out.
  func text() throws(ArchiveError) -> String {
    guard count <= 1 else { throw ArchiveError("it has more than one element") }
    switch element {
    case .text:
      var text = ""
      for code in try values(UInt32.self) where code != 0 {
        text.unicodeScalars.append(Unicode.Scalar(code) ?? "\u{FFFD}")
      }
      return text
    case .bytes: return String(decoding: try rest().prefix { $0 != 0 }, as: UTF8.self)
    case .unsigned(1): return try described(UInt8.self)
    case .unsigned(2): return try described(UInt16.self)
    case .unsigned(4): return try described(UInt32.self)
    case .unsigned: return try described(UInt64.self)
    case .signed(1): return try described(Int8.self)
    case .signed(2): return try described(Int16.self)
    case .signed(4): return try described(Int32.self)
    case .signed: return try described(Int64.self)
    case .float: throw ArchiveError("its elements are neither text nor whole numbers")
    }
  }

  /// All elements of an array of whole numbers.
  func wholeNumbers() throws(ArchiveError) -> [Int] {
    func numbers<Value: FixedWidthInteger>(_ type: Value.Type) throws(ArchiveError) -> [Int] {
      try converted(type) { Int(clamping: $0) }
    }
    return switch element {
    case .unsigned(1): try numbers(UInt8.self)
    case .unsigned(2): try numbers(UInt16.self)
    case .unsigned(4): try numbers(UInt32.self)
    case .unsigned: try numbers(UInt64.self)
    case .signed(1): try numbers(Int8.self)
    case .signed(2): try numbers(Int16.self)
    case .signed(4): try numbers(Int32.self)
    case .signed: try numbers(Int64.self)
    case .float, .text, .bytes: throw ArchiveError("its elements are not whole numbers")
    }
  }

  private func described<Value: FixedWidthInteger>(_ type: Value.Type) throws(ArchiveError)
    -> String
  {
    try values(type).first.map { "\($0)" } ?? ""
  }

  /// All elements of a small array, or their halves, as whole numbers.
  private func values<Value: FixedWidthInteger>(_ type: Value.Type) throws(ArchiveError) -> [Value]
  {
    let size = MemoryLayout<Value>.size
    let bytes = try rest()
    return (0..<bytes.count / size).map { bytes.littleEndian(at: $0 * size, as: type) }
  }

  /// The bytes of all elements.
  private func rest() throws(ArchiveError) -> UnsafeRawBufferPointer {
    try content.take(content.remaining)
  }

  /// Elements of an integer type as 16-bit ids.
  private func narrowed<Value: FixedWidthInteger>(
    _ type: Value.Type
  ) throws(ArchiveError) -> (ids: [UInt16], outOfRange: OutOfRange?) {
    var found: OutOfRange?
    func look(_ bytes: UnsafeRawBufferPointer, _ ids: UnsafeBufferPointer<UInt16>, _ first: Int) {
      // No byte is out of range; of wider elements the largest ids tell whether there is one to
      // look for.
      guard found == nil, Value.self != UInt8.self,
        ids.reduce(0, max) >= RawRequest.outOfRange,
        let index = ids.firstIndex(of: RawRequest.outOfRange)
      else { return }
      let value = bytes.littleEndian(at: index * MemoryLayout<Value>.size, as: type)
      found = (first + index, Int(clamping: value))
    }
    // -1, or what it becomes in an unsigned type; a byte of that value may be an expert.
    let none = Value(truncatingIfNeeded: -1)
    let hasNone = Value.isSigned || Value.bitWidth > 8
    let ids = try converted(type, look: look) { value in
      value == none && hasNone
        ? TokenBlock.emptySlot
        : UInt16(exactly: value).map { min($0, RawRequest.outOfRange) } ?? RawRequest.outOfRange
    }
    return (ids, found)
  }

  /// All elements, converted a piece at a time.
  ///
  /// - Parameter look: is shown every piece: its bytes, what became of them, the ordinal of its
  ///   first element.
  @inline(__always)
  private func converted<Value: FixedWidthInteger, Result>(
    _ type: Value.Type,
    look: (UnsafeRawBufferPointer, UnsafeBufferPointer<Result>, Int) -> Void = { _, _, _ in },
    _ convert: (Value) -> Result
  ) throws(ArchiveError) -> [Result] {
    let total = count
    guard total <= Self.mostValues else {
      throw ArchiveError(
        "it has \(total) elements; a request may have \(Self.mostValues)",
        remedy: "split its tokens over several files")
    }
    var problem: ArchiveError?
    let results = [Result](unsafeUninitializedCapacity: total) { results, filled in
      guard let to = results.baseAddress else { return }
      do throws(ArchiveError) {
        while filled < total {
          let count = min(total - filled, Self.piece)
          let bytes = try content.take(count * MemoryLayout<Value>.size)
          var i = 0
          while i < count {
            let value = bytes.littleEndian(at: i &* MemoryLayout<Value>.size, as: type)
            (to + filled + i).initialize(to: convert(value))
            i &+= 1
          }
          look(bytes, UnsafeBufferPointer(start: to + filled, count: count), filled)
          filled += count
        }
      } catch {
        problem = error
      }
    }
    if let problem { throw problem }
    return results
  }

  /// Elements taken at a time.
  private static var piece: Int { 1 << 16 }
}
