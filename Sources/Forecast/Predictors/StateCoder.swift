/// Writes or reads the columns of a predictor's state.
///
/// One description of the state serves both ways: a writer takes the values it is given, a reader
/// replaces them by as many of its own.
public protocol StateCoder: ~Copyable {
  associatedtype Failure: Error

  /// Whether the values are replaced: a writer's are left alone, and not copied for it.
  static var isReader: Bool { get }

  /// - Parameters:
  ///   - name: unique within a predictor.
  ///   - values: the values; a reader gives as many.
  ///   - note: what the values are, for people.
  mutating func code(_ name: String, _ values: inout [UInt64], note: String) throws(Failure)
  mutating func code(_ name: String, _ values: inout [UInt32], note: String) throws(Failure)
  mutating func code(_ name: String, _ values: inout [Int32], note: String) throws(Failure)
  mutating func code(_ name: String, _ values: inout [Float], note: String) throws(Failure)
}
