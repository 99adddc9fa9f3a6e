/// One expert of a model: which of a layer's, and of which layer.
///
/// Keys are ordered by layer, then by number. A key takes four bytes, so that streams of them stay
/// small: a trace has at most 4,096 layers and 32,768 experts. Inlinable, like ``ByExpert`` and
/// ``RowMajor``: hot loops of other modules index by it.
public struct ExpertKey: Hashable, Comparable, Sendable {
  @usableFromInline let bits: UInt32

  /// An expert of a layer.
  ///
  /// - Parameters:
  ///   - layer: MoE layer, counted from 0.
  ///   - expert: Number within the layer, counted from 0.
  @inlinable
  public init(layer: Int, expert: Int) {
    bits = UInt32(truncatingIfNeeded: layer << 16 | expert)
  }

  /// MoE layer, counted from 0.
  @inlinable public var layer: Int { Int(bits >> 16) }

  /// Number within the layer, counted from 0.
  @inlinable public var expert: Int { Int(bits & 0xFFFF) }

  /// Whether both are the same expert of the same layer; written out so that it is inlined elsewhere.
  @inlinable
  public static func == (first: ExpertKey, second: ExpertKey) -> Bool { first.bits == second.bits }

  /// By layer, then by number.
  @inlinable
  public static func < (first: ExpertKey, second: ExpertKey) -> Bool { first.bits < second.bits }
}

/// Something kept of every expert of a model, found by its ``ExpertKey``.
///
/// ```swift
/// var uses = ByExpert(repeating: 0, layers: shape.layers, experts: shape.experts)
/// uses[ExpertKey(layer: 2, expert: 17)] += 1
/// ```
///
/// Keys are numbered layer after layer, so that hot loops can count them (``number(of:)``).
public struct ByExpert<Value> {
  /// Experts of a layer.
  public let experts: Int
  /// By number of the key.
  public var values: [Value]

  /// The same value of every expert.
  @inlinable
  public init(repeating value: Value, layers: Int, experts: Int) {
    self.experts = experts
    values = Array(repeating: value, count: layers * experts)
  }

  /// The value of one expert.
  @inlinable
  public subscript(key: ExpertKey) -> Value {
    get { values[number(of: key)] }
    set { values[number(of: key)] = newValue }
  }

  /// The key's place in ``values``.
  @inlinable
  public func number(of key: ExpertKey) -> Int { key.layer * experts + key.expert }

  /// The keys of one layer, as numbers.
  @inlinable
  public func numbers(ofLayer layer: Int) -> Range<Int> {
    layer * experts..<(layer + 1) * experts
  }
}

extension ByExpert: Sendable where Value: Sendable {}
extension ByExpert: Equatable where Value: Equatable {}
