/// Elements of an array as traces need them.
extension NPYArray {
  /// Expert ids; values outside `0...65534` become 65535, which no shape accepts.
  func ids() throws(NPYProblem) -> [UInt16] {
    switch element {
    case .unsigned(1): narrowed(UInt8.self)
    case .unsigned(2): narrowed(UInt16.self)
    case .unsigned(4): narrowed(UInt32.self)
    case .unsigned(8): narrowed(UInt64.self)
    case .signed(1): narrowed(Int8.self)
    case .signed(2): narrowed(Int16.self)
    case .signed(4): narrowed(Int32.self)
    case .signed(8): narrowed(Int64.self)
    default: throw NPYProblem("its elements are not whole numbers")
    }
  }

  /// The first element that is no id of `0...65534`, with its ordinal.
  func firstOversized() -> (index: Int, value: Int)? {
    switch element {
    case .unsigned(2): oversized(UInt16.self)
    case .unsigned(4): oversized(UInt32.self)
    case .unsigned(8): oversized(UInt64.self)
    case .signed(1): oversized(Int8.self)
    case .signed(2): oversized(Int16.self)
    case .signed(4): oversized(Int32.self)
    case .signed(8): oversized(Int64.self)
    default: nil
    }
  }

  /// Gate weights in half precision.
  func weights() throws(NPYProblem) -> [Float16] {
    switch element {
    case .float(2): converted(UInt16.self) { Float16(bitPattern: $0) }
    case .float(4): converted(UInt32.self) { Float16(Float(bitPattern: $0)) }
    case .float(8): converted(UInt64.self) { halfPrecision(Double(bitPattern: $0)) }
    default: throw NPYProblem("its elements are not floating-point numbers")
    }
  }

  /// The only element of an array without axes, as text; numbers are written out.
  func text() throws(NPYProblem) -> String {
    guard count == 1 || content.isEmpty else { throw NPYProblem("it has more than one element") }
    switch element {
    case .text:
      var text = ""
      for code in values(UInt32.self) where code != 0 {
        text.unicodeScalars.append(Unicode.Scalar(code) ?? "\u{FFFD}")
      }
      return text
    case .bytes: return String(decoding: content.prefix { $0 != 0 }, as: UTF8.self)
    case .unsigned(1): return described(UInt8.self)
    case .unsigned(2): return described(UInt16.self)
    case .unsigned(4): return described(UInt32.self)
    case .unsigned: return described(UInt64.self)
    case .signed(1): return described(Int8.self)
    case .signed(2): return described(Int16.self)
    case .signed(4): return described(Int32.self)
    case .signed: return described(Int64.self)
    case .float: throw NPYProblem("its elements are neither text nor whole numbers")
    }
  }

  private func described<Value: FixedWidthInteger>(_ type: Value.Type) -> String {
    values(type).first.map { "\($0)" } ?? ""
  }

  private func values<Value: FixedWidthInteger>(_ type: Value.Type) -> [Value] {
    let size = MemoryLayout<Value>.size
    return (0..<content.count / size).map { content.littleEndian(at: $0 * size, as: type) }
  }

  private func narrowed<Value: FixedWidthInteger>(_ type: Value.Type) -> [UInt16] {
    converted(type) { UInt16(exactly: $0) ?? .max }
  }

  @inline(__always)
  private func converted<Value: FixedWidthInteger, Result>(
    _ type: Value.Type, _ convert: (Value) -> Result
  ) -> [Result] {
    let size = MemoryLayout<Value>.size
    let total = content.count / size
    return [Result](unsafeUninitializedCapacity: total) { results, filled in
      guard let to = results.baseAddress else { return }
      var i = 0
      while i < total {
        (to + i).initialize(to: convert(content.littleEndian(at: i &* size, as: type)))
        i &+= 1
      }
      filled = total
    }
  }

  private func oversized<Value: FixedWidthInteger>(_ type: Value.Type) -> (Int, Int)? {
    let size = MemoryLayout<Value>.size
    for i in 0..<content.count / size {
      let value = content.littleEndian(at: i * size, as: type)
      if UInt16(exactly: value) ?? .max == .max { return (i, Int(clamping: value)) }
    }
    return nil
  }
}
