import HDF5

@testable import ModelFile

/// A model file taken apart into groups, datasets and attributes, to be put together again with
/// other numbers and digests made anew: what somebody who means harm can do with a few lines of
/// h5py.
struct ModelTree {
  /// The numbers or texts of a dataset or attribute.
  enum Values {
    case uint16([UInt16])
    case uint32([UInt32])
    case uint64([UInt64])
    case int64([Int64])
    case float32([Float])
    case float64([Double])
    case text([String])

    var count: Int {
      switch self {
      case .uint16(let values): values.count
      case .uint32(let values): values.count
      case .uint64(let values): values.count
      case .int64(let values): values.count
      case .float32(let values): values.count
      case .float64(let values): values.count
      case .text(let values): values.count
      }
    }
  }

  /// A dataset or an attribute.
  struct Item {
    var name: String
    var values: Values
    /// Nil for a scalar.
    var shape: [Int]?
    var isAttribute: Bool
  }

  /// A group with its own items; the root's path is empty.
  struct Group {
    var path: [String]
    var items: [Item] = []
  }

  /// Parents before their children.
  var groups: [Group] = []

  /// Takes the bytes of a model file apart, its seal left out.
  init(_ bytes: [UInt8]) throws {
    let file = try H5File(bytes: Array(bytes.dropLast(Seal.length)), limits: ModelLimits.hdf5)
    try read(file.root, [])
  }

  private mutating func read(_ group: borrowing H5Group, _ path: [String]) throws {
    let at = groups.count
    groups.append(Group(path: path))
    if path.isEmpty { groups[at].items = try Self.rootAttributes(group) }
    for name in try group.names() {
      guard let dataset = try? group.dataset(name) else {
        try read(group.group(name), path + [name])
        continue
      }
      groups[at].items.append(
        Item(
          name: name, values: try Self.values(dataset), shape: dataset.shape, isAttribute: false))
    }
  }

  private static func values(_ dataset: borrowing H5Dataset) throws -> Values {
    switch dataset.elementType {
    case .uint16: .uint16(try dataset.read())
    case .uint32: .uint32(try dataset.read())
    case .uint64: .uint64(try dataset.read())
    case .int64: .int64(try dataset.read())
    case .float32: .float32(try dataset.read())
    case .float64: .float64(try dataset.read())
    default: .text(try dataset.readStrings())
    }
  }

  private static func rootAttributes(_ root: borrowing H5Group) throws -> [Item] {
    var items: [Item] = []
    func add(_ name: String, _ values: Values, _ shape: [Int]? = nil) {
      items.append(Item(name: name, values: values, shape: shape, isAttribute: true))
    }
    for name in ["encoding-type", "encoding-version", "software", "model", "predictors"] {
      add(name, .text([try root.string(name)]))
    }
    for name in ["experts", "top_k"] { add(name, .uint32([try root.number(name)])) }
    for name in ["live_requests", "chunks", "tokens", "events", "requests"] {
      add(name, .uint64([try root.number(name)]))
    }
    for name in ["prior_frequency", "prior_row"] { add(name, .float64([try root.number(name)])) }
    let recall: [UInt32] = try root.numbers("recall_at")
    add("recall_at", .uint32(recall), [recall.count])
    return items
  }

  /// The bytes of the file, every group's digest made anew, without a seal.
  func bytes() throws -> [UInt8] {
    let file = try H5File(limits: ModelLimits.hdf5)
    for (number, own) in groups.enumerated() {
      if own.path.isEmpty {
        try Self.write(own, to: file.root)
      } else {
        // Only the last of its path is new: parents stand before their children.
        let before = groups[..<number].contains { $0.path == own.path.dropLast() }
        guard before else { continue }
        try Self.open(own.path, below: file.root) { try Self.write(own, to: $0) }
      }
    }
    return try file.bytes()
  }

  private static func open(
    _ path: [String], below group: borrowing H5Group, _ body: (borrowing H5Group) throws -> Void
  ) throws {
    guard path.count > 1 else { return try body(group.createGroup(path[0])) }
    try open(Array(path.dropFirst()), below: group.group(path[0]), body)
  }

  private static func write(_ own: Group, to group: borrowing H5Group) throws {
    var digest = ContentDigest()
    for item in own.items {
      switch item.values {
      case .uint16(let values): try write(item, values, to: group, &digest)
      case .uint32(let values): try write(item, values, to: group, &digest)
      case .uint64(let values): try write(item, values, to: group, &digest)
      case .int64(let values): try write(item, values, to: group, &digest)
      case .float32(let values): try write(item, values, to: group, &digest)
      case .float64(let values): try write(item, values, to: group, &digest)
      case .text(let values) where item.isAttribute:
        try group.set(item.name, to: values[0])
        digest.add("@" + item.name, values, shape: nil)
      case .text(let values):
        try group.create(item.name, values)
        digest.add(item.name, values, shape: [values.count])
      }
    }
    // Groups of groups have a digest too, of nothing.
    try group.set(ContentDigest.attribute, to: digest.text)
  }

  private static func write<Value: H5Element>(
    _ item: Item, _ values: [Value], to group: borrowing H5Group, _ digest: inout ContentDigest
  ) throws {
    guard item.isAttribute else {
      let shape = item.shape ?? []
      let isLarge = values.count * MemoryLayout<Value>.size > 64 << 10
      try group.create(
        item.name, values, shape: shape,
        layout: isLarge
          ? .rows(of: shape, elementSize: MemoryLayout<Value>.size) : .contiguous)
      return digest.add(item.name, values, shape: shape)
    }
    if item.shape == nil {
      try group.set(item.name, to: values[0])
    } else {
      try group.set(item.name, to: values)
    }
    digest.add("@" + item.name, values, shape: item.shape)
  }
}
