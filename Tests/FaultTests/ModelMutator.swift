import TestSupport

/// Edits a model file as chance will have it, but knowing what a model file is: one number, a
/// range, a swap, a length, an attribute, an item that is missing, totals that are changed
/// together.
///
/// The same seed gives the same mutants.
struct ModelMutator {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  /// Numbers at the edges of what counters, indices and lengths are kept in.
  private static let edges: [UInt64] = [
    0, 1, 2, 7, 63, 64, 65, 255, 256, 1 << 15, 65_535, 65_536, 1 << 24, 1 << 28, 1 << 30,
    (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 53, 1 << 62, (1 << 63) - 1, 1 << 63,
    .max - 1, .max,
  ]
  private static let floats: [Double] = [
    0, -0.0, 1, -1, 0.5, 10, 11, 1e9, 0.999e9, -0.999e9, 1e30, .infinity, -.infinity, .nan,
    .signalingNaN, .leastNonzeroMagnitude, 1e-42, -1e-42, .greatestFiniteMagnitude,
  ]
  private static let words = [
    "", ",", "x", "frequency", "layer-markov,frequency", "mixture", "mixture-all",
    "mixture-fast:h4",
    "mixture:halving-16", "mixture:next,frequency", "moecast-model", "1", "2", "\u{1B}[2J\r\n",
    "decode", String(repeating: "m", count: 5000), String(repeating: "long,", count: 9000),
  ]

  /// Edits `tree`, mostly once; returns what was done, for people.
  mutating func mutate(_ tree: inout ModelTree) -> String {
    var done: [String] = []
    for _ in 0..<[1, 1, 1, 1, 2, 3][pick(6)] { done.append(mutateOnce(&tree)) }
    return done.joined(separator: "; ")
  }

  private mutating func mutateOnce(_ tree: inout ModelTree) -> String {
    switch pick(20) {
    case 0: return changeTotals(&tree)
    case 1: return changeEverywhere(&tree)
    default: break
    }
    let filled = tree.groups.indices.filter { !tree.groups[$0].items.isEmpty }
    let group = filled[pick(filled.count)]
    let index = pick(tree.groups[group].items.count)
    var item = tree.groups[group].items[index]
    let place = "/" + (tree.groups[group].path + [item.name]).joined(separator: "/")
    let done: String
    switch pick(24) {
    case 0:
      tree.groups[group].items.remove(at: index)
      return "\(place) removed"
    case 1:
      item.name += "x"
      done = "renamed"
    case 2, 3, 4: done = changeLength(&item)
    case 5:
      item.values = retyped(item.values)
      done = "of another type"
    default: done = change(&item.values)
    }
    tree.groups[group].items[index] = item
    return "\(place) \(done)"
  }

  /// Changes totals that must agree with each other, alike.
  private mutating func changeTotals(_ tree: inout ModelTree) -> String {
    guard let layers = tree.groups[0].items.first(where: { $0.name == "layer" })?.values.count
    else { return "nothing" }
    let tokens = edge() >> UInt64(pick(40))
    for index in tree.groups[0].items.indices {
      switch tree.groups[0].items[index].name {
      case "tokens": tree.groups[0].items[index].values = .uint64([tokens])
      case "events": tree.groups[0].items[index].values = .uint64([tokens &* UInt64(layers)])
      default: continue
      }
    }
    return "tokens \(tokens), events alike"
  }

  /// Makes the same edit to items of one name wherever they are, and to all their values.
  private mutating func changeEverywhere(_ tree: inout ModelTree) -> String {
    let names = tree.groups.flatMap { $0.items.map(\.name) }
    let name = names[pick(names.count)]
    let value = edge()
    let float = Self.floats[pick(Self.floats.count)]
    for group in tree.groups.indices {
      for index in tree.groups[group].items.indices
      where tree.groups[group].items[index].name == name {
        tree.groups[group].items[index].values.fill(value, float)
      }
    }
    return "every \(name) \(value) or \(float)"
  }

  private mutating func change(_ values: inout ModelTree.Values) -> String {
    switch values {
    case .uint16(var own):
      defer { values = .uint16(own) }
      return change(&own)
    case .uint32(var own):
      defer { values = .uint32(own) }
      return change(&own)
    case .uint64(var own):
      defer { values = .uint64(own) }
      return change(&own)
    case .int64(var own):
      defer { values = .int64(own) }
      return change(&own)
    case .float32(var own):
      defer { values = .float32(own) }
      return change(&own)
    case .float64(var own):
      defer { values = .float64(own) }
      return change(&own)
    case .text(var own):
      guard !own.isEmpty else { return "untouched" }
      let word = Self.words[pick(Self.words.count)]
      own[pick(own.count)] = word
      values = .text(own)
      return "is '\(word.prefix(20))'"
    }
  }

  private mutating func change<Value: FixedWidthInteger>(_ values: inout [Value]) -> String {
    edit(&values) { value, random in
      switch random.next() % 4 {
      case 0: value &+ 1
      case 1: value &- 1
      case 2: value &* 2
      default: Value(truncatingIfNeeded: Self.edges[Int(random.next() % UInt64(Self.edges.count))])
      }
    }
  }

  private mutating func change<Value: BinaryFloatingPoint>(_ values: inout [Value]) -> String {
    edit(&values) { value, random in
      switch random.next() % 6 {
      case 0: -value
      case 1: value * 2
      default: Value(Self.floats[Int(random.next() % UInt64(Self.floats.count))])
      }
    }
  }

  /// Changes one value, a range of them, all, or exchanges two.
  private mutating func edit<Value>(
    _ values: inout [Value], by change: (Value, inout SplitMix64) -> Value
  ) -> String {
    guard !values.isEmpty else { return "untouched" }
    let at = pick(values.count)
    let old = values[at]
    switch pick(8) {
    case 0:
      let other = pick(values.count)
      values.swapAt(at, other)
      return "\(at) and \(other) exchanged"
    case 1:
      let end = min(values.count, at + 1 + pick(16))
      let new = change(old, &random)
      for index in at..<end { values[index] = new }
      return "\(at) to \(end): \(old) is \(new)"
    case 2:
      values[at] = values[pick(values.count)]
      return "\(at): \(old) is \(values[at])"
    default:
      values[at] = change(old, &random)
      return "\(at): \(old) is \(values[at])"
    }
  }

  /// Makes the first axis longer or shorter, or makes one axis of several.
  private mutating func changeLength(_ item: inout ModelTree.Item) -> String {
    guard var shape = item.shape, let first = shape.first else {
      item.shape = [1]
      return "an array"
    }
    let row = shape.dropFirst().reduce(1, *)
    if shape.count > 1, pick(3) == 0 {
      item.shape = [item.values.count]
      return "in one axis"
    }
    let length = [0, max(0, first - 1), first + 1, 2 * first, 1][pick(5)]
    shape[0] = length
    item.values.resize(to: length * row)
    item.shape = shape
    return "\(first) is \(length) long"
  }

  private func retyped(_ values: ModelTree.Values) -> ModelTree.Values {
    switch values {
    case .uint16(let own): .uint32(own.map(UInt32.init))
    case .uint32(let own): .uint64(own.map(UInt64.init))
    case .uint64(let own): .int64(own.map { Int64(truncatingIfNeeded: $0) })
    case .int64(let own): .uint64(own.map { UInt64(truncatingIfNeeded: $0) })
    case .float32(let own): .float64(own.map(Double.init))
    case .float64(let own): .float32(own.map(Float.init))
    case .text(let own): .text(own.reversed())
    }
  }

  private mutating func edge() -> UInt64 { Self.edges[pick(Self.edges.count)] }

  mutating func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
}

extension ModelTree.Values {
  /// Every number replaced.
  mutating func fill(_ value: UInt64, _ float: Double) {
    self =
      switch self {
      case .uint16(let own): .uint16(own.map { _ in UInt16(truncatingIfNeeded: value) })
      case .uint32(let own): .uint32(own.map { _ in UInt32(truncatingIfNeeded: value) })
      case .uint64(let own): .uint64(own.map { _ in value })
      case .int64(let own): .int64(own.map { _ in Int64(truncatingIfNeeded: value) })
      case .float32(let own): .float32(own.map { _ in Float(float) })
      case .float64(let own): .float64(own.map { _ in float })
      case .text: self
      }
  }

  /// Cut, or made longer by values that it has.
  mutating func resize(to count: Int) {
    func resized<Value>(_ own: [Value], _ zero: Value) -> [Value] {
      (0..<count).map { own.isEmpty ? zero : own[$0 % own.count] }
    }
    self =
      switch self {
      case .uint16(let own): .uint16(resized(own, 0))
      case .uint32(let own): .uint32(resized(own, 0))
      case .uint64(let own): .uint64(resized(own, 0))
      case .int64(let own): .int64(resized(own, 0))
      case .float32(let own): .float32(resized(own, 0))
      case .float64(let own): .float64(resized(own, 0))
      case .text(let own): .text(resized(own, ""))
      }
  }
}
