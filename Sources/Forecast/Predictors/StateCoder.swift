/// Writes or reads the columns of a predictor's state; ``ForecastModel/code(with:places:)`` calls
/// it once for each column.
///
/// One description of the state serves both ways: a writer stores the values that it is given, a
/// reader replaces them by as many of its own. The module `ModelFile` has one of each for HDF5.
public protocol StateCoder: ~Copyable {
  /// What it throws; `Never` for a coder that cannot fail.
  associatedtype Failure: Error

  /// Whether it replaces the values. A writer leaves them alone, so no copy need be made for it.
  static var isReader: Bool { get }

  /// Whether it takes columns as they were before they had axes, when some stood together that are
  /// apart now: in version 2 of the files of this program.
  var takesColumnsWithoutAxes: Bool { get }

  /// Writes or replaces one column.
  ///
  /// - Parameters:
  ///   - name: the column's name, unique within a predictor.
  ///   - values: the values; a reader gives as many as it was given.
  ///   - note: what the values are, for people.
  mutating func code(_ name: String, _ values: inout [UInt64], note: String) throws(Failure)
  /// Writes or replaces a column of 32-bit counts; parameters as of the others.
  mutating func code(_ name: String, _ values: inout [UInt32], note: String) throws(Failure)
  /// Writes or replaces a column of signed numbers, where -1 stands for none.
  mutating func code(_ name: String, _ values: inout [Int32], note: String) throws(Failure)
  /// Writes or replaces a column of weights, to the last bit.
  mutating func code(_ name: String, _ values: inout [Float], note: String) throws(Failure)

  /// Writes or replaces a table.
  ///
  /// - Parameters:
  ///   - name: the table's name, unique within a predictor.
  ///   - values: the values, last axis fastest; a reader gives as many as it was given.
  ///   - axes: what the table is laid out by; the product of their counts is that of the values.
  ///   - note: what the values are, for people.
  mutating func code(
    _ name: String, _ values: inout [UInt64], axes: [StateAxis], note: String) throws(Failure)
  /// Writes or replaces a table of 32-bit counts; parameters as of the others.
  mutating func code(
    _ name: String, _ values: inout [UInt32], axes: [StateAxis], note: String) throws(Failure)
  /// Writes or replaces a table of signed numbers, where -1 stands for none.
  mutating func code(
    _ name: String, _ values: inout [Int32], axes: [StateAxis], note: String) throws(Failure)
  /// Writes or replaces a table of weights, to the last bit.
  mutating func code(
    _ name: String, _ values: inout [Float], axes: [StateAxis], note: String) throws(Failure)
}

/// A coder to which axes mean nothing takes every table as a column.
extension StateCoder where Self: ~Copyable {
  /// False: it takes tables as they are now.
  public var takesColumnsWithoutAxes: Bool { false }

  /// Takes the table as a column.
  public mutating func code(
    _ name: String, _ values: inout [UInt64], axes: [StateAxis], note: String
  ) throws(Failure) { try code(name, &values, note: note) }

  /// Takes the table as a column.
  public mutating func code(
    _ name: String, _ values: inout [UInt32], axes: [StateAxis], note: String
  ) throws(Failure) { try code(name, &values, note: note) }

  /// Takes the table as a column.
  public mutating func code(
    _ name: String, _ values: inout [Int32], axes: [StateAxis], note: String
  ) throws(Failure) { try code(name, &values, note: note) }

  /// Takes the table as a column.
  public mutating func code(
    _ name: String, _ values: inout [Float], axes: [StateAxis], note: String
  ) throws(Failure) { try code(name, &values, note: note) }
}
