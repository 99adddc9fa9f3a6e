/// One expert of a model: which of a layer's, and of which layer.
///
/// Keys are ordered by layer, then by number. A key takes four bytes, so that streams of them stay small:
/// a trace has at most 4,096 layers and 32,768 experts.
package struct ExpertKey: Hashable, Comparable, Sendable {
  @usableFromInline let bits: UInt32

  /// - Parameters:
  ///   - layer: MoE layer, counted from 0.
  ///   - expert: Number within the layer, counted from 0.
  @inlinable
  package init(layer: Int, expert: Int) {
    bits = UInt32(truncatingIfNeeded: layer << 16 | expert)
  }

  /// MoE layer, counted from 0.
  @inlinable package var layer: Int { Int(bits >> 16) }

  /// Number within the layer, counted from 0.
  @inlinable package var expert: Int { Int(bits & 0xFFFF) }

  @inlinable
  package static func < (first: ExpertKey, second: ExpertKey) -> Bool { first.bits < second.bits }
}

/// Something kept of every expert of a model, found by its ``ExpertKey``.
///
/// Keys are numbered layer after layer, so that hot loops can count them (``number(of:)``).
package struct ByExpert<Value> {
  /// Experts of a layer.
  package let experts: Int
  /// By number of the key.
  package var values: [Value]

  @inlinable
  package init(repeating value: Value, layers: Int, experts: Int) {
    self.experts = experts
    values = Array(repeating: value, count: layers * experts)
  }

  @inlinable
  package subscript(key: ExpertKey) -> Value {
    get { values[number(of: key)] }
    set { values[number(of: key)] = newValue }
  }

  /// The key's place in ``values``.
  @inlinable
  package func number(of key: ExpertKey) -> Int { key.layer * experts + key.expert }

  /// The keys of one layer, as numbers.
  @inlinable
  package func numbers(ofLayer layer: Int) -> Range<Int> {
    layer * experts..<(layer + 1) * experts
  }
}

extension ByExpert: Sendable where Value: Sendable {}
extension ByExpert: Equatable where Value: Equatable {}
