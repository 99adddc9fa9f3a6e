/// One column of a ``Report``: what programs read of a row under a stable key, and what people see
/// of it under a heading.
///
/// ```swift
/// let columns: [Column<Run>] = [
///   .text("wafer", "wafer") { $0.wafer },
///   .number("mean_layer_seconds", "us/layer", times: 1e6, places: 1) { $0.seconds },
///   .number("regret", "regret %", times: 100, places: 2) { $0.regret },
/// ]
/// ```
///
/// Keys are snake_case and stay as they are; their values are in seconds, bytes, counts, and shares
/// from 0 to 1. A heading names the unit in which people see the value. A key with a dot, such as
/// `staging.reads`, is the member `reads` of an object `staging` in JSON.
struct Column<Row>: Sendable {
  /// Where JSON and CSV have the value; nil for a column that only people see.
  let key: String?
  /// What stands above it in the table for people; nil for a column that only programs read.
  let heading: String?
  /// Whether it holds words, which are set to the left; numbers are set to the right.
  let isText: Bool
  /// Whether its values are objects or lists, which have no place in CSV.
  let isNested: Bool
  /// What programs read of a row; nil where the row has no such value.
  let value: @Sendable (Row) -> Value?
  /// What people see of a row.
  let shown: @Sendable (Row) -> String
  /// What its heading means, which is said below a table on a terminal; nil where it says all.
  var meaning: String?
  /// Whether it says which row it is, so that it begins every block of a table that is cut.
  var isName = false
  /// Whether it is seen on a terminal alone.
  var isLive = false

  /// A column whose two sides are told apart; most are made by ``text(_:_:_:)``,
  /// ``integer(_:_:_:)`` or ``number(_:_:times:places:_:)``.
  init(
    _ key: String?, _ heading: String?, isText: Bool = false, isNested: Bool = false,
    value: @escaping @Sendable (Row) -> Value? = { _ in nil },
    shown: @escaping @Sendable (Row) -> String = { _ in "" }
  ) {
    self.key = key
    self.heading = heading
    self.isText = isText
    self.isNested = isNested
    self.value = value
    self.shown = shown
  }

  /// Bytes, people see gigabytes: with so many places, or as many as show that it is not nothing.
  static func gigabytes(
    _ key: String?, _ heading: String, places: Int, _ read: @escaping @Sendable (Row) -> Double?
  ) -> Self {
    Self(
      key, heading, value: { read($0).map(Value.number) },
      shown: { row in read(row).map { moecast.gigabytes($0, places: places) } ?? "-" })
  }

  /// The same column with what its heading means.
  func meaning(_ meaning: String) -> Self {
    var column = self
    column.meaning = meaning
    return column
  }

  /// The same column as one that says which row it is.
  var naming: Self {
    var column = self
    column.isName = true
    return column
  }

  /// A row of bars for people at a terminal.
  static func spark(
    _ heading: String, _ read: @escaping @Sendable (Row) -> [Double?]
  ) -> Self {
    var column = Self(nil, heading, isText: true, shown: { sparkline(read($0)) })
    column.isLive = true
    return column
  }

  /// The same column for programs alone.
  var unseen: Self { Self(key, nil, isNested: isNested, value: value) }

  /// Words, the same for programs and people; `-` where there are none.
  static func text(
    _ key: String?, _ heading: String? = nil, _ read: @escaping @Sendable (Row) -> String?
  ) -> Self {
    Self(
      key, heading, isText: true, value: { read($0).map(Value.text) }, shown: { read($0) ?? "-" })
  }

  /// A whole number, people see its thousands; `-` where there is none.
  static func integer(
    _ key: String?, _ heading: String? = nil, _ read: @escaping @Sendable (Row) -> Int?
  ) -> Self {
    Self(
      key, heading, value: { read($0).map(Value.integer) },
      shown: { row in read(row).map { grouped($0) } ?? "-" })
  }

  /// A number in full for programs, rounded for people; `-` where there is none.
  ///
  /// - Parameters:
  ///   - scale: how many of the heading's units one of the key's are: 100 for a share seen in per
  ///     cent.
  ///   - places: digits behind the point that people see.
  static func number(
    _ key: String?, _ heading: String? = nil, times scale: Double = 1, places: Int = 1,
    _ read: @escaping @Sendable (Row) -> Double?
  ) -> Self {
    Self(
      key, heading, value: { read($0).map(Value.number) },
      shown: { row in read(row).map { groupedDecimals(scale * $0, places) } ?? "-" })
  }
}
