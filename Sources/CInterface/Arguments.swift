import CLibrary
import RoutingTrace

// What callers hand in, checked at the door: behind it everything is a Swift value.

/// The argument, which must not be NULL.
func required<Value>(_ value: Value?, _ name: String) throws(ArgumentError) -> Value {
  guard let value else { throw ArgumentError("\(name) is NULL") }
  return value
}

/// The text at a pointer, which must not be NULL, and must be UTF-8.
func text(_ pointer: UnsafePointer<CChar>?, _ name: String) throws(ArgumentError) -> String {
  guard let text = String(validatingCString: try required(pointer, name)) else {
    throw ArgumentError("\(name) is not UTF-8")
  }
  return text
}

/// The text at a pointer; empty for NULL.
func optionalText(_ pointer: UnsafePointer<CChar>?, _ name: String) throws(ArgumentError) -> String
{
  try pointer.map { pointer throws(ArgumentError) in try text(pointer, name) } ?? ""
}

/// The texts of a list.
func texts(
  _ count: Int, _ list: UnsafePointer<UnsafePointer<CChar>?>?, _ name: String
) throws(ArgumentError) -> [String] {
  guard count > 0 else { throw ArgumentError("\(name): there is none") }
  let list = try required(list, name)
  var texts: [String] = []
  for index in 0..<count { texts.append(try text(list[index], "\(name)[\(index)]")) }
  return texts
}

/// An array of so many values; NULL where there are none.
func values<Value>(
  _ count: Int, _ pointer: UnsafePointer<Value>?, _ name: String
) throws(ArgumentError) -> UnsafeBufferPointer<Value> {
  guard count > 0 else { return UnsafeBufferPointer(start: nil, count: 0) }
  return UnsafeBufferPointer(start: try required(pointer, name), count: count)
}

/// Room for so many values.
func room<Value>(
  _ count: Int, _ pointer: UnsafeMutablePointer<Value>?, _ name: String
) throws(ArgumentError) -> UnsafeMutableBufferPointer<Value> {
  guard count > 0 else { return UnsafeMutableBufferPointer(start: nil, count: 0) }
  return UnsafeMutableBufferPointer(start: try required(pointer, name), count: count)
}

/// So many rows of so many values: a product that no pointer can span is refused.
func product(_ rows: Int, _ columns: Int) throws(ArgumentError) -> Int {
  let (product, overflows) = rows.multipliedReportingOverflow(by: columns)
  guard rows >= 0, !overflows, product <= 1 << 40 else {
    throw ArgumentError("\(rows) rows of \(columns) are too many")
  }
  return product
}

extension TraceShape {
  /// The shape that a caller describes.
  ///
  /// - Throws: ``ArgumentError``, or what is wrong with it.
  init(_ shape: UnsafePointer<moecast_shape>?) throws {
    let shape = try required(shape, "shape").pointee
    let layers = Int(shape.layers)
    guard layers <= 1 << 16 else { throw ArgumentError("shape: \(layers) layers are too many") }
    let numbers = shape.model_layers.map { numbers in (0..<layers).map { Int(numbers[$0]) } }
    try self.init(
      model: optionalText(shape.name, "shape: name"), modelLayers: numbers ?? Array(0..<layers),
      experts: Int(shape.experts), topK: Int(shape.top_k))
  }
}

/// A shape as C sees it, in memory that lives as long as its owner.
final class ForeignShape {
  private let layers: UnsafeMutableBufferPointer<UInt32>
  private let name: ForeignText
  /// The shape; its pointers are this object's.
  let value: moecast_shape

  init(_ shape: TraceShape) {
    layers = .allocate(capacity: shape.layers)
    _ = layers.initialize(from: shape.modelLayers.map { UInt32($0) })
    name = ForeignText(shape.model)
    value = moecast_shape(
      layers: UInt32(shape.layers), experts: UInt32(shape.experts), top_k: UInt32(shape.topK),
      model_layers: UnsafePointer(layers.baseAddress), name: name.pointer)
  }

  deinit { layers.deallocate() }
}

/// A text as C sees it, which lives as long as its owner.
final class ForeignText {
  private let bytes: UnsafeMutableBufferPointer<CChar>
  /// The text, with its 0.
  var pointer: UnsafePointer<CChar>? { UnsafePointer(bytes.baseAddress) }

  init(_ text: String) {
    let text = text.utf8CString
    bytes = .allocate(capacity: text.count)
    _ = bytes.initialize(from: text)
  }

  deinit { bytes.deallocate() }
}
