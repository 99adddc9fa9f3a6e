extension CountsFormat {
  /// Tables of counts.
  public static let countsCSV = CountsFormat(CountsCSV.self)
}

/// A table with a row for every expert of every layer: columns called `layer`, `expert` and
/// `count`, in any order, beside others; and `step`, `iteration` or `window` where there are
/// several. Rows of one expert are added up.
enum CountsCSV: CountsReader {
  static let name = "counts-csv"
  static let summary = "tables of counts (.csv): layer, expert, count"

  static let sample = (
    fileName: "counts.csv",
    content: Array("step,layer,expert,count\n1,3,0,7\n1,3,2,5\n2,3,3,1\n".utf8)
  )

  /// What columns are called.
  private static var names: [(column: WritableKeyPath<Columns, Int?>, names: Set<String>)] {
    [
      (\.layer, ["layer", "layer_id", "layer_idx", "layer id"]),
      (\.expert, ["expert", "expert_id", "expert_idx", "expert id"]),
      (
        \.count,
        [
          "count", "counts", "tokens", "num_tokens", "activations", "activation_count", "frequency",
          "hits",
        ]
      ),
      (\.window, ["step", "iteration", "iter", "window", "pass"]),
    ]
  }

  /// The places of the columns that are read.
  private struct Columns {
    var layer: Int?
    var expert: Int?
    var count: Int?
    var window: Int?
    /// What windows are called.
    var kind = "whole"

    /// The columns by the first line; nil where one is missing or there twice.
    init?(_ line: some Collection<UInt8>) {
      let fields = String(decoding: line, as: UTF8.self).lowercased().split(
        separator: ",", omittingEmptySubsequences: false)
      for (place, field) in fields.enumerated() {
        let name = String(
          field.drop { $0 == " " || $0 == "\"" }.reversed().drop { " \"\r".contains($0) }.reversed()
        )
        for column in CountsCSV.names where column.names.contains(name) {
          guard self[keyPath: column.column] == nil else { return nil }
          self[keyPath: column.column] = place
          if column.column == \Columns.window { kind = name }
        }
      }
      guard layer != nil, expert != nil, count != nil else { return nil }
    }
  }

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".csv") }

  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    Columns(head.prefix { $0 != 0x0A }.prefix(4096)) != nil
  }

  static func counts(
    in bytes: UnsafeRawBufferPointer, of file: FoundFile
  ) throws(ImportError) -> RawCounts {
    var rest = bytes[...]
    /// The next line; nil behind the last.
    func nextLine() -> Slice<UnsafeRawBufferPointer>? {
      guard !rest.isEmpty else { return nil }
      let end = rest.firstIndex(of: 0x0A) ?? rest.endIndex
      defer { rest = rest[min(end + 1, rest.endIndex)...] }
      return rest[..<end]
    }
    guard let columns = nextLine().flatMap({ Columns($0.prefix(4096)) }) else {
      throw .counts(
        file.path, "its first line names no columns layer, expert and count, each once",
        remedy: "name the columns in the first line: layer,expert,count", kind: .notATrace, line: 1)
    }
    var rows: [Place: [Int: UInt64]] = [:]
    var experts = 0
    var ordinal = 0
    while let line = nextLine() {
      ordinal += 1
      guard line.contains(where: { !JSONText.isSpace($0) }) else { continue }
      let fields = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      func number(_ column: Int?) throws(ImportError) -> Int? {
        guard let column else { return nil }
        guard column < fields.count, let number = Self.number(fields[column]) else {
          throw .counts(
            file.path, "whole numbers from 0 expected under layer, expert and count",
            line: ordinal + 1)
        }
        return number
      }
      guard let layer = try number(columns.layer), let expert = try number(columns.expert),
        let count = try number(columns.count), layer <= 65_535, expert < EventBounds.mostExperts
      else {
        throw .counts(
          file.path, "a layer or expert that is not possible", line: ordinal + 1)
      }
      let place = Place(window: Int64(try number(columns.window) ?? 0), layer: layer)
      experts = max(experts, expert + 1)
      rows[place, default: [:]][expert, default: 0] += UInt64(count)
    }
    var table = CountTable(file: file.path)
    for (place, counts) in rows {
      var row = [UInt64](repeating: 0, count: experts)
      for (expert, count) in counts { row[expert] = count }
      try table.add(row, window: place.window, layer: place.layer)
    }
    return try table.finished(windowKind: columns.kind)
  }

  /// A layer in a window.
  private struct Place: Hashable {
    var window: Int64
    var layer: Int
  }

  /// A whole number of up to nine digits, which blanks and quotes may stand around, and a fraction
  /// of zeros behind.
  private static func number(_ field: Slice<UnsafeRawBufferPointer>.SubSequence) -> Int? {
    var digits = field[...]
    func isBlank(_ byte: UInt8) -> Bool { JSONText.isSpace(byte) || byte == UInt8(ascii: "\"") }
    digits = digits.drop(while: isBlank)
    while let last = digits.last, isBlank(last) { digits.removeLast() }
    if let point = digits.firstIndex(of: UInt8(ascii: ".")),
      digits[(point + 1)...].allSatisfy({ $0 == UInt8(ascii: "0") })
    {
      digits = digits[..<point]
    }
    return wholeNumber(digits)
  }
}
