import HDF5

/// A group being written, whose content digest grows with every item.
struct GroupWriter: ~Copyable {
  /// The group in the file.
  let group: H5Group
  /// The digest of what was written so far.
  private var digest = ContentDigest()

  /// Begins to write a group.
  init(_ group: consuming H5Group) { self.group = group }

  /// Writes a string attribute.
  mutating func set(_ name: String, to value: String) throws(H5Error) {
    try group.set(name, to: value)
    digest.add("@" + name, [value], shape: nil)
  }

  /// Writes an attribute that is one number.
  mutating func set<Value: H5Element>(_ name: String, to value: Value) throws(H5Error) {
    try group.set(name, to: value)
    digest.add("@" + name, [value], shape: nil)
  }

  /// Writes an attribute that is a list of numbers.
  mutating func set<Value: H5Element>(_ name: String, to values: [Value]) throws(H5Error) {
    try group.set(name, to: values)
    digest.add("@" + name, values, shape: [values.count])
  }

  /// Writes a table whose axes are named by `axes`; their lengths are its shape.
  ///
  /// - Parameters:
  ///   - units: what the values are counted in, 1 for plain numbers; kept in the attribute `units`.
  ///   - note: what the values are, for people; kept in the attribute `description`.
  mutating func create<Value: H5Element>(
    _ name: String, _ values: [Value], axes: [Axis], units: String = "1", note: String
  ) throws(H5Error) {
    let shape = axes.map(\.length)
    let isLarge = values.count * Value.elementType.size > 64 << 10
    let dataset = try group.create(
      name, values, shape: shape,
      layout: isLarge ? .rows(of: shape, elementSize: Value.elementType.size) : .contiguous)
    for (index, axis) in axes.enumerated() { try dataset.attach(axis.scale, toAxis: index) }
    try dataset.set("description", to: note)
    try dataset.set("units", to: units)
    digest.add(name, values, shape: shape)
  }

  /// Writes a dimension scale: the values that an axis counts.
  mutating func createAxis<Value: H5Element>(
    _ name: String, _ values: [Value], note: String
  ) throws(H5Error) -> Axis {
    let dataset = try group.create(name, values, shape: [values.count])
    try dataset.makeScale(name)
    try dataset.set("description", to: note)
    digest.add(name, values, shape: [values.count])
    return Axis(dataset, length: values.count)
  }

  /// Writes a dimension scale of names.
  mutating func createAxis(_ name: String, _ values: [String], note: String) throws(H5Error) -> Axis
  {
    let dataset = try group.create(name, values)
    try dataset.makeScale(name)
    try dataset.set("description", to: note)
    digest.add(name, values, shape: [values.count])
    return Axis(dataset, length: values.count)
  }

  /// Writes the digest; nothing may follow.
  consuming func finish() throws(H5Error) {
    try group.set(ContentDigest.attribute, to: digest.text)
  }
}

/// A dimension scale that tables are attached to.
final class Axis {
  /// The dataset of the axis's values.
  let scale: H5Dataset
  /// How many values the axis has.
  let length: Int

  init(_ scale: consuming H5Dataset, length: Int) {
    self.scale = scale
    self.length = length
  }
}
