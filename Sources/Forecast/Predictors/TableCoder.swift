/// A ``StateCoder`` that gives every column an axis: one of which nothing else is said is a table of
/// one axis, its places.
public protocol TableCoder: StateCoder, ~Copyable {}

extension TableCoder where Self: ~Copyable {
  private func axes(_ name: String, _ count: Int) -> [StateAxis] {
    [StateAxis(name + "_place", count, note: "place in \(name)")]
  }

  /// Takes the column as a table of one axis.
  public mutating func code(
    _ name: String, _ values: inout [UInt64], note: String
  ) throws(Failure) { try code(name, &values, axes: axes(name, values.count), note: note) }

  /// Takes the column as a table of one axis.
  public mutating func code(
    _ name: String, _ values: inout [UInt32], note: String
  ) throws(Failure) { try code(name, &values, axes: axes(name, values.count), note: note) }

  /// Takes the column as a table of one axis.
  public mutating func code(
    _ name: String, _ values: inout [Int32], note: String
  ) throws(Failure) { try code(name, &values, axes: axes(name, values.count), note: note) }

  /// Takes the column as a table of one axis.
  public mutating func code(
    _ name: String, _ values: inout [Float], note: String
  ) throws(Failure) { try code(name, &values, axes: axes(name, values.count), note: note) }
}
