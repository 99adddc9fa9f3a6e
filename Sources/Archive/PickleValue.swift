/// A value of a pickle: a look at a table that all values of the pickle share, so that lists that
/// hold themselves, as pickles can have them, cost nothing.
package struct PickleValue {
  let table: PickleTable
  let place: Int

  private var node: PickleNode { table.nodes[place] }

  /// Whether it is Python's `None`.
  package var isNone: Bool {
    if case .none = node { true } else { false }
  }

  /// The whole number that it is; nil for anything else.
  package var integer: Int? {
    if case .integer(let value) = node { value } else { nil }
  }

  /// The text that it is; nil for anything else.
  package var text: String? {
    if case .text(let value) = node { value } else { nil }
  }

  /// The tensor that it is; nil for anything else.
  package var tensor: TorchTensor? {
    if case .tensor(let value) = node { value } else { nil }
  }

  /// How many elements a list or tuple has; nil for anything else.
  package var count: Int? { places?.count }

  /// The elements of a list or tuple; nil for anything else.
  ///
  /// - Complexity: O(elements).
  package var elements: [PickleValue]? {
    places?.map { PickleValue(table: table, place: Int($0)) }
  }

  /// The elements of a list or tuple of whole numbers; nil for anything else.
  ///
  /// - Complexity: O(elements).
  package var integers: [Int]? {
    guard let places else { return nil }
    var integers: [Int] = []
    integers.reserveCapacity(places.count)
    for place in places {
      guard case .integer(let value) = table.nodes[Int(place)] else { return nil }
      integers.append(value)
    }
    return integers
  }

  /// The value under a key of a dictionary; nil where there is none, or no dictionary.
  package subscript(key: String) -> PickleValue? {
    guard case .dictionary(let values) = node else { return nil }
    return values[key].map { PickleValue(table: table, place: Int($0)) }
  }

  /// The keys of a dictionary that are texts, in order; empty for anything else.
  package var keys: [String] {
    guard case .dictionary(let values) = node else { return [] }
    return values.keys.sorted()
  }

  private var places: [UInt32]? {
    switch node {
    case .list(let places), .tuple(let places): places
    default: nil
    }
  }
}

/// All values of a pickle.
final class PickleTable {
  let nodes: [PickleNode]
  init(_ nodes: [PickleNode]) { self.nodes = nodes }
}

/// A value; what it consists of are places in the table.
enum PickleNode {
  case none
  case boolean(Bool)
  case integer(Int)
  case real(Double)
  case text(String)
  case list([UInt32])
  case tuple([UInt32])
  case dictionary([String: UInt32])
  case name(PickleName)
  case storage(TorchStorage)
  case tensor(TorchTensor)

  /// The values that are there from the start: `None`, `True`, `False`, 0 to 255.
  static let constants: [PickleNode] =
    [.none, .boolean(true), .boolean(false)] + (0...255).map { .integer($0) }
  static let placeOfNone: UInt32 = 0
  static let placeOfTrue: UInt32 = 1
  static let placeOfFalse: UInt32 = 2
  static let placeOfZero: UInt32 = 3
}

/// The Python objects that a pickle may ask for by name.
enum PickleName {
  case rebuildTensor
  case orderedDictionary
  case storage(NPYArray.Element)

  init?(_ name: String) {
    switch name {
    case "torch._utils._rebuild_tensor_v2": self = .rebuildTensor
    case "collections.OrderedDict": self = .orderedDictionary
    case "torch.ByteStorage", "torch.BoolStorage": self = .storage(.unsigned(bytes: 1))
    case "torch.CharStorage": self = .storage(.signed(bytes: 1))
    case "torch.ShortStorage": self = .storage(.signed(bytes: 2))
    case "torch.IntStorage": self = .storage(.signed(bytes: 4))
    case "torch.LongStorage": self = .storage(.signed(bytes: 8))
    case "torch.HalfStorage": self = .storage(.float(bytes: 2))
    case "torch.FloatStorage": self = .storage(.float(bytes: 4))
    case "torch.DoubleStorage": self = .storage(.float(bytes: 8))
    default: return nil
    }
  }
}
