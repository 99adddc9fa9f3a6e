/// Parses Python pickles as `torch.save` writes them (protocol 2), running nothing.
///
/// A pickle is a program for a small stack machine, and a full one may call any function. This one
/// knows the instructions that build numbers, texts, lists, tuples and dictionaries, and the few
/// names that tensors need (``PickleName``); every other instruction or name ends the reading and is
/// told. Nothing recurses, so depth costs nothing, and memory is bounded: each instruction makes one
/// value at most, of which there is a limit.
package struct PickleReader {
  /// Bytes that a pickle may have.
  static let mostBytes = 1 << 26

  private let bytes: UnsafeRawBufferPointer
  /// Values that the pickle may hold, small numbers aside.
  private let mostValues: Int
  /// The next byte.
  private var at = 0
  /// What was built so far.
  private var values: [PickleNode] = PickleNode.constants
  /// Places in ``values``.
  private var stack: [UInt32] = []
  /// Heights of the stack where marks were set.
  private var marks: [Int] = []
  /// What the pickle remembers under numbers of its own.
  private var memo: [UInt32: UInt32] = [:]

  /// The value of the pickle that fills `bytes`.
  ///
  /// - Parameter mostValues: how many it may hold, small numbers aside; 16 million take 0.4 GB.
  /// - Throws: ``ArchiveError`` where it is cut off, contradicts itself, or holds more than data.
  /// - Complexity: O(bytes).
  package static func value(
    _ bytes: UnsafeRawBufferPointer, mostValues: Int = 1 << 24
  ) throws(ArchiveError) -> PickleValue {
    guard bytes.count <= mostBytes else {
      throw ArchiveError(
        "its pickle takes \(bytes.count) bytes, more than \(mostBytes)",
        remedy: "save it in several files")
    }
    var reader = PickleReader(bytes: bytes, mostValues: mostValues)
    let root = try reader.run()
    return PickleValue(table: PickleTable(reader.values), place: Int(root))
  }

  private init(bytes: UnsafeRawBufferPointer, mostValues: Int) {
    self.bytes = bytes
    self.mostValues = mostValues
  }

  /// Follows the instructions to the last, which is to stop.
  private mutating func run() throws(ArchiveError) -> UInt32 {
    while true {
      let place = at
      let code = try byte()
      guard let instruction = Instruction(rawValue: code) else {
        throw ArchiveError(
          "its pickle has the instruction 0x\(String(code, radix: 16)) at its byte \(place), which "
            + "does more than build tensors, numbers, texts, lists and dictionaries",
          remedy: Self.remedy)
      }
      if instruction == .stop { return try pop() }
      try follow(instruction)
    }
  }

  /// What to do where a pickle holds more than data.
  static let remedy =
    "save it anew with torch.save(data, path), data being tensors, numbers, texts, lists and "
    + "dictionaries of them"

  private static let damaged = ArchiveError("its pickle is damaged or cut off")

  // swift-format-ignore: a line an instruction
  private mutating func follow(_ instruction: Instruction) throws(ArchiveError) {
    switch instruction {
    case .proto: try checkProtocol()
    case .stop: break
    case .mark: marks.append(stack.count)
    case .none: stack.append(PickleNode.placeOfNone)
    case .newTrue: stack.append(PickleNode.placeOfTrue)
    case .newFalse: stack.append(PickleNode.placeOfFalse)
    case .int1: pushSmall(try byte())
    case .int2: try push(.integer(Int(try word(UInt16.self))))
    case .int4: try push(.integer(Int(try word(Int32.self))))
    case .long1: try push(.integer(try long()))
    case .float: try push(.real(Double(bitPattern: try word(UInt64.self).byteSwapped)))
    case .unicode: try push(.text(try text()))
    case .emptyList: try push(.list([]))
    case .emptyDictionary: try push(.dictionary([:]))
    case .emptyTuple: try push(.tuple([]))
    case .tuple: try push(.tuple(try popToMark()))
    case .tuple1: try push(.tuple(try pop(1)))
    case .tuple2: try push(.tuple(try pop(2)))
    case .tuple3: try push(.tuple(try pop(3)))
    case .append: try append(try pop(1))
    case .appends: try append(try popToMark())
    case .setItem: try set(try pop(2))
    case .setItems: try set(try popToMark())
    case .put: try remember(UInt32(try byte()))
    case .longPut: try remember(try word(UInt32.self))
    case .get: try recall(UInt32(try byte()))
    case .longGet: try recall(try word(UInt32.self))
    case .global: try push(.name(try name()))
    case .persistentID: try push(try storage(try pop()))
    case .reduce: try reduce()
    }
  }

  // MARK: Bytes

  private mutating func byte() throws(ArchiveError) -> UInt8 { try word(UInt8.self) }

  /// The next number, least significant byte first.
  private mutating func word<Value: FixedWidthInteger>(
    _ type: Value.Type
  ) throws(ArchiveError) -> Value {
    let bytes = try take(MemoryLayout<Value>.size)
    return bytes.littleEndian(at: 0, as: type)
  }

  private mutating func take(_ count: Int) throws(ArchiveError) -> UnsafeRawBufferPointer {
    guard count <= bytes.count - at else { throw Self.damaged }
    defer { at += count }
    return UnsafeRawBufferPointer(rebasing: bytes[at..<at + count])
  }

  private mutating func text() throws(ArchiveError) -> String {
    let count = try word(UInt32.self)
    return String(decoding: try take(Int(count)), as: UTF8.self)
  }

  /// A whole number of up to eight bytes, in two's complement.
  private mutating func long() throws(ArchiveError) -> Int {
    let bytes = try take(Int(try byte()))
    guard bytes.count <= 8 else { throw ArchiveError("its pickle has a number beyond 64 bits") }
    var value = 0
    for (index, byte) in bytes.enumerated() { value |= Int(byte) << (8 * index) }
    // The sign's bit of a shorter number goes to the left.
    let unused = 64 - 8 * bytes.count
    return bytes.isEmpty ? 0 : (value << unused) >> unused
  }

  /// A name in two lines: module and object.
  private mutating func name() throws(ArchiveError) -> PickleName {
    func line() throws(ArchiveError) -> String {
      guard let end = bytes[at...].firstIndex(of: 0x0A) else { throw Self.damaged }
      defer { at = end + 1 }
      return String(decoding: bytes[at..<end], as: UTF8.self)
    }
    let full = "\(try line()).\(try line())"
    guard let name = PickleName(full) else {
      throw ArchiveError(
        "its pickle asks for the Python object \(full.prefix(80)), which is not allowed: a pickle can "
          + "run any code, and only tensors are built", remedy: Self.remedy)
    }
    return name
  }

  /// The version is said first; other versions have other instructions.
  private mutating func checkProtocol() throws(ArchiveError) {
    let version = try byte()
    guard version == 2 else {
      throw ArchiveError(
        "its pickle is of protocol \(version); protocol 2 is read",
        remedy: "save it with torch.save(data, path, pickle_protocol=2)")
    }
  }

  // MARK: The stack

  private mutating func push(_ value: PickleNode) throws(ArchiveError) {
    guard values.count < PickleNode.constants.count + mostValues else {
      throw ArchiveError(
        "its pickle has more than \(mostValues) values", remedy: "save it in several files")
    }
    stack.append(UInt32(values.count))
    values.append(value)
  }

  /// Numbers of a byte are there once for all.
  private mutating func pushSmall(_ number: UInt8) {
    stack.append(PickleNode.placeOfZero + UInt32(number))
  }

  private mutating func pop() throws(ArchiveError) -> UInt32 {
    guard stack.count > (marks.last ?? 0), let last = stack.popLast() else { throw Self.damaged }
    return last
  }

  private mutating func pop(_ count: Int) throws(ArchiveError) -> [UInt32] {
    guard stack.count - (marks.last ?? 0) >= count else { throw Self.damaged }
    return takeLast(count)
  }

  private mutating func popToMark() throws(ArchiveError) -> [UInt32] {
    guard let mark = marks.popLast() else { throw Self.damaged }
    return takeLast(stack.count - mark)
  }

  /// The last values, copied: a slice would keep the stack from shrinking in place.
  private mutating func takeLast(_ count: Int) -> [UInt32] {
    let taken = Array(stack.suffix(count))
    stack.removeLast(count)
    return taken
  }

  /// The place of the value that is changed, which stays on the stack.
  private func top() throws(ArchiveError) -> Int {
    guard stack.count > (marks.last ?? 0), let last = stack.last else { throw Self.damaged }
    return Int(last)
  }

  private mutating func append(_ places: [UInt32]) throws(ArchiveError) {
    let top = try top()
    guard case .list(var list) = values[top] else { throw Self.damaged }
    // So that the list has one owner and grows in place.
    values[top] = .none
    list += places
    values[top] = .list(list)
  }

  private mutating func set(_ places: [UInt32]) throws(ArchiveError) {
    let top = try top()
    guard case .dictionary(var dictionary) = values[top], places.count % 2 == 0 else {
      throw Self.damaged
    }
    values[top] = .none
    for key in stride(from: 0, to: places.count, by: 2) {
      // Keys that are no texts are none that anybody asks for.
      guard case .text(let text) = values[Int(places[key])] else { continue }
      dictionary[text] = places[key + 1]
    }
    values[top] = .dictionary(dictionary)
  }

  private mutating func remember(_ number: UInt32) throws(ArchiveError) {
    memo[number] = UInt32(try top())
  }

  private mutating func recall(_ number: UInt32) throws(ArchiveError) {
    guard let place = memo[number] else { throw Self.damaged }
    stack.append(place)
  }

  // MARK: Tensors

  /// A tensor's storage as torch refers to it: `('storage', type, key, device, elements)`.
  private func storage(_ place: UInt32) throws(ArchiveError) -> PickleNode {
    guard case .tuple(let parts) = values[Int(place)], parts.count == 5,
      case .text("storage") = values[Int(parts[0])],
      case .name(.storage(let element)) = values[Int(parts[1])],
      case .text(let key) = values[Int(parts[2])],
      case .integer(let count) = values[Int(parts[4])], count >= 0
    else { throw ArchiveError("its pickle refers to something else than a tensor's storage") }
    return .storage(TorchStorage(element: element, key: key, count: count))
  }

  /// Calls one of the two functions that are allowed.
  private mutating func reduce() throws(ArchiveError) {
    let arguments = values[Int(try pop())]
    let function = values[Int(try pop())]
    switch (function, arguments) {
    case (.name(.orderedDictionary), .tuple(let parts)) where parts.isEmpty:
      try push(.dictionary([:]))
    case (.name(.rebuildTensor), .tuple(let parts)): try push(.tensor(try tensor(parts)))
    default:
      throw ArchiveError(
        "its pickle calls something else than torch's way to build a tensor", remedy: Self.remedy)
    }
  }

  /// `_rebuild_tensor_v2(storage, offset, size, stride, ...)`.
  private func tensor(_ parts: [UInt32]) throws(ArchiveError) -> TorchTensor {
    guard parts.count >= 4, case .storage(let storage) = values[Int(parts[0])],
      case .integer(let offset) = values[Int(parts[1])],
      let shape = numbers(parts[2]), let strides = numbers(parts[3])
    else { throw Self.damaged }
    return try TorchTensor(storage: storage, offset: offset, shape: shape, strides: strides)
  }

  private func numbers(_ place: UInt32) -> [Int]? {
    guard case .tuple(let parts) = values[Int(place)], parts.count <= TorchTensor.mostAxes else {
      return nil
    }
    var numbers: [Int] = []
    for part in parts {
      guard case .integer(let number) = values[Int(part)] else { return nil }
      numbers.append(number)
    }
    return numbers
  }
}

/// The instructions that are followed, by Python's `pickletools`.
private enum Instruction: UInt8 {
  case proto = 0x80
  case stop = 0x2E
  case mark = 0x28
  case none = 0x4E
  case newTrue = 0x88
  case newFalse = 0x89
  case int1 = 0x4B
  case int2 = 0x4D
  case int4 = 0x4A
  case long1 = 0x8A
  case float = 0x47
  case unicode = 0x58
  case emptyList = 0x5D
  case append = 0x61
  case appends = 0x65
  case emptyDictionary = 0x7D
  case setItem = 0x73
  case setItems = 0x75
  case emptyTuple = 0x29
  case tuple = 0x74
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case put = 0x71
  case longPut = 0x72
  case get = 0x68
  case longGet = 0x6A
  case global = 0x63
  case persistentID = 0x51
  case reduce = 0x52
}
