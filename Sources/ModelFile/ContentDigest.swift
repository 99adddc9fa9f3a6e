import HDF5

/// The digest of one group's own datasets and attributes, kept in its attribute `content-digest`.
///
/// It is XXH64 of one line an item, sorted by its bytes: `NAME TYPE SHAPE DIGEST\n`, where NAME is
/// the dataset's name or `@` and the attribute's, TYPE is `string` or the number type (`uint32`),
/// SHAPE is the lengths joined by `x` or `scalar`, and DIGEST is XXH64 of the values: numbers
/// little-endian, last axis fastest, strings in UTF-8 with a zero byte behind each. Dimension
/// scales' own attributes are left out. So the order in which items are written or read does not
/// matter, and any program can check it.
struct ContentDigest {
  /// The attribute that holds the digest.
  static let attribute = "content-digest"

  /// A line an item, in the order in which they were added.
  private var lines: [String] = []

  /// Adds numbers; `shape` is nil for a scalar.
  mutating func add<Value: H5Element>(_ name: String, _ values: [Value], shape: [Int]?) {
    add(name, Value.elementType.rawValue, shape, values.withUnsafeBytes { xxh64($0) })
  }

  /// Adds strings; `shape` is nil for a scalar.
  mutating func add(_ name: String, _ values: [String], shape: [Int]?) {
    add(name, "string", shape, xxh64(values.flatMap { Array($0.utf8) + [0] }))
  }

  /// Adds the line of an item.
  private mutating func add(_ name: String, _ type: String, _ shape: [Int]?, _ digest: UInt64) {
    let lengths = shape?.map(String.init).joined(separator: "x") ?? "scalar"
    lines.append("\(name) \(type) \(lengths) \(hexadecimal(digest))\n")
  }

  /// The names of the datasets added.
  var datasets: Set<String> {
    Set(
      lines.compactMap { $0.hasPrefix("@") ? nil : $0.split(separator: " ").first.map(String.init) }
    )
  }

  /// The digest as it stands in the attribute.
  var text: String {
    let sorted = lines.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    return "xxh64:" + hexadecimal(xxh64(Array(sorted.joined().utf8)))
  }
}
