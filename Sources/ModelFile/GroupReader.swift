import HDF5

/// A group being read, whose content digest grows with every item and must come out as it was
/// written.
struct GroupReader: ~Copyable {
  /// The group in the file.
  let group: H5Group
  /// The digest of what was read so far.
  private var digest = ContentDigest()

  /// Begins to read a group.
  init(_ group: consuming H5Group) { self.group = group }

  /// The group's path in the file, for messages.
  var path: String { group.path }

  /// Reads a string attribute.
  mutating func string(_ name: String) throws(H5Error) -> String {
    let value = try group.string(name)
    digest.add("@" + name, [value], shape: nil)
    return value
  }

  /// Reads an attribute that is one number.
  mutating func number<Value: H5Element>(
    _ name: String, as type: Value.Type = Value.self
  ) throws(H5Error) -> Value {
    let value = try group.number(name, as: type)
    digest.add("@" + name, [value], shape: nil)
    return value
  }

  /// Reads an attribute that is a list of numbers.
  mutating func numbers<Value: H5Element>(
    _ name: String, as type: Value.Type = Value.self
  ) throws(H5Error) -> [Value] {
    let values = try group.numbers(name, as: type)
    digest.add("@" + name, values, shape: [values.count])
    return values
  }

  /// Reads a table of exactly this shape.
  mutating func read<Value: H5Element>(
    _ name: String, as type: Value.Type = Value.self, shape: [Int]
  ) throws(H5Error) -> [Value] {
    let values = try group.dataset(name).read(type, shape: shape)
    digest.add(name, values, shape: shape)
    return values
  }

  /// Reads a column of at most `limit` values.
  mutating func column<Value: H5Element>(
    _ name: String, as type: Value.Type = Value.self, limit: Int = 1 << 27
  ) throws(H5Error) -> [Value] {
    let dataset = try group.dataset(name)
    guard dataset.shape.count == 1 else {
      throw H5Error(.mismatch, at: dataset.path, "is not one column")
    }
    let values = try dataset.read(type, limit: limit)
    digest.add(name, values, shape: [values.count])
    return values
  }

  /// Reads an axis that counts places from 0; returns how many.
  mutating func places(_ name: String) throws(H5Error) -> Int {
    let places = try column(name, as: UInt32.self)
    guard places.elementsEqual((0..<places.count).lazy.map { UInt32($0) }) else {
      throw H5Error(.mismatch, at: group.path + "/" + name, "does not count from 0")
    }
    return places.count
  }

  /// Reads a column of at most `limit` strings.
  mutating func strings(_ name: String, limit: Int = 1 << 16) throws(H5Error) -> [String] {
    let values = try group.dataset(name).readStrings(limit: limit)
    digest.add(name, values, shape: [values.count])
    return values
  }

  /// Checks that nothing else is in the group but `groups`, and that the digest agrees.
  consuming func finish(groups: Set<String> = []) throws(H5Error) {
    let known = digest.datasets.union(groups)
    if let stranger = try group.names().first(where: { !known.contains($0) }) {
      throw H5Error(
        .mismatch, at: group.path, "holds '\(stranger)', which does not belong to a model")
    }
    let expected = try group.string(ContentDigest.attribute)
    // A fuzzer cannot guess digests; whoever means harm can compute them.
    #if !FUZZING
      guard digest.text == expected else {
        throw H5Error(
          .mismatch, at: group.path, "its content digest is \(digest.text), not \(expected)")
      }
    #endif
  }
}
