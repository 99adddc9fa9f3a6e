import Forecast

/// The tables of a predictor's state as arrays of their axes, the names of places beside them.
struct StateArrays: TableCoder {
  typealias Failure = Never

  static var isReader: Bool { false }

  /// One array.
  struct Array {
    let name: String
    let values: Values
    let shape: [Int]
  }

  /// Its values.
  enum Values {
    case words([UInt64])
    case counts([UInt32])
    case numbers([Int32])
    case weights([Float])
    case texts([String])
  }

  private let experts: Int
  /// In the order in which they came.
  private(set) var arrays: [Array] = []

  /// - Parameter experts: of the model; rows padded beyond them are cut to them.
  init(experts: Int) { self.experts = experts }

  /// Adds a table that has any values.
  private mutating func add<Value>(
    _ name: String, _ values: [Value], _ axes: [StateAxis], _ wrap: ([Value]) -> Values
  ) {
    for axis in axes {
      guard case .names(let names) = axis.places, !arrays.contains(where: { $0.name == axis.name })
      else { continue }
      arrays.append(Array(name: axis.name, values: .texts(names), shape: [names.count]))
    }
    guard let last = axes.last, last.name == StateAxis.lane, last.count > experts else {
      arrays.append(Array(name: name, values: wrap(values), shape: axes.map(\.count)))
      return
    }
    let rows = stride(from: 0, to: values.count, by: last.count)
    arrays.append(
      Array(
        name: name, values: wrap(rows.flatMap { values[$0..<$0 + experts] }),
        shape: axes.dropLast().map(\.count) + [experts]))
  }

  mutating func code(
    _ name: String, _ values: inout [UInt64], axes: [StateAxis], note: String
  ) { add(name, values, axes) { .words($0) } }

  mutating func code(
    _ name: String, _ values: inout [UInt32], axes: [StateAxis], note: String
  ) { add(name, values, axes) { .counts($0) } }

  mutating func code(
    _ name: String, _ values: inout [Int32], axes: [StateAxis], note: String
  ) { add(name, values, axes) { .numbers($0) } }

  mutating func code(
    _ name: String, _ values: inout [Float], axes: [StateAxis], note: String
  ) { add(name, values, axes) { .weights($0) } }
}
