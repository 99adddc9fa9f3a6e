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
    let first = bytes.prefix { $0 != 0x0A }
    guard let columns = Columns(first.prefix(4096)) else {
      throw .counts(
        file.path, "its first line names no columns layer, expert and count, each once",
        remedy: "name the columns in the first line: layer,expert,count", kind: .notATrace, line: 1)
    }
    var line = CountLine(columns: [columns.layer, columns.expert, columns.count, columns.window])
    var table = ExpertRows(file: file.path)
    var number = 1
    var at = min(first.count + 1, bytes.count)
    while at < bytes.count {
      number += 1
      switch line.read(bytes, at: &at) {
      case .blank: continue
      case .numbers:
        let (layer, expert) = (line.values[0], line.values[1])
        guard layer <= 65_535, expert < EventBounds.mostExperts else {
          throw .counts(file.path, "a layer or expert that is not possible", line: number)
        }
        try table.add(
          UInt64(line.values[2]), expert: expert, layer: layer, window: Int64(line.values[3]))
      case .somethingElse:
        throw .counts(
          file.path, "whole numbers from 0 expected under layer, expert and count", line: number)
      }
    }
    return try table.counts(windowKind: columns.kind)
  }
}

/// Takes some columns' numbers from lines, each seen byte by byte once.
private struct CountLine {
  enum Content {
    case blank, numbers, somethingElse
  }

  /// The numbers of the columns in the order in which they were asked for; 0 of one that is not
  /// there.
  private(set) var values: [Int]
  /// For each field of a line, which of the columns it is; -1 for others.
  private let columnOf: [Int]
  private let wanted: Int

  init(columns: [Int?]) {
    values = Array(repeating: 0, count: columns.count)
    wanted = columns.count { $0 != nil }
    var columnOf = [Int](repeating: -1, count: (columns.compactMap(\.self).max() ?? 0) + 1)
    for (column, field) in columns.enumerated() {
      if let field { columnOf[field] = column }
    }
    self.columnOf = columnOf
  }

  /// Goes past the line at `at`.
  mutating func read(_ text: UnsafeRawBufferPointer, at: inout Int) -> Content {
    var (field, found) = (0, 0)
    var (isBlank, isWrong) = (true, false)
    while true {
      let column = field < columnOf.count ? columnOf[field] : -1
      if column >= 0, let value = Self.number(text, &at) {
        values[column] = value
        found += 1
        isBlank = false
      }
      // What a number leaves of its field must be nothing; other fields may hold anything.
      while at < text.count, text[at] != UInt8(ascii: ","), text[at] != 0x0A {
        if !JSONText.isSpace(text[at]) {
          isBlank = false
          if column >= 0 { isWrong = true }
        }
        at += 1
      }
      let isLast = at == text.count || text[at] == 0x0A
      at += at < text.count ? 1 : 0
      if isLast { break }
      isBlank = false
      field += 1
    }
    return isBlank ? .blank : found == wanted && !isWrong ? .numbers : .somethingElse
  }

  /// A whole number of up to nine digits, which blanks and quotes may stand around, and a fraction
  /// of zeros behind; nil where there is none.
  private static func number(_ text: UnsafeRawBufferPointer, _ at: inout Int) -> Int? {
    func skipBlanks() {
      while at < text.count,
        text[at] == 0x20 || text[at] == 0x09 || text[at] == 0x0D || text[at] == UInt8(ascii: "\"")
      {
        at += 1
      }
    }
    skipBlanks()
    guard let value = takeWholeNumber(text, &at, end: text.count) else { return nil }
    if at < text.count, text[at] == UInt8(ascii: ".") {
      at += 1
      while at < text.count, text[at] == UInt8(ascii: "0") { at += 1 }
    }
    skipBlanks()
    return value
  }
}

/// Counts that come in one by one, most often those of one layer after another.
private struct ExpertRows {
  private struct Place: Hashable {
    var window: Int64
    var layer: Int
  }

  private let file: String
  /// `[expert]` of every layer in a window, but for the latest.
  private var rows: [Place: [UInt64]] = [:]
  private var latest: Place?
  private var row: [UInt64] = []
  private var experts = 0
  /// Counts that are held, which may be many more than lines.
  private var held = 0

  init(file: String) { self.file = file }

  /// Adds a count to an expert's.
  mutating func add(
    _ count: UInt64, expert: Int, layer: Int, window: Int64
  ) throws(ImportError) {
    let place = Place(window: window, layer: layer)
    if place != latest {
      if let latest { rows[latest] = row }
      row = rows.removeValue(forKey: place) ?? []
      latest = place
    }
    if expert >= row.count {
      held += expert + 1 - row.count
      guard held <= CountTable.most else {
        throw .counts(
          file, "it has more than \(CountTable.most) counts", remedy: "record fewer windows",
          kind: .tooLarge)
      }
      row += repeatElement(0, count: expert + 1 - row.count)
      experts = max(experts, expert + 1)
    }
    // A count has nine digits, so no file of bytes in 64 bits overflows their sum.
    row[expert] &+= count
  }

  /// All counts; experts of the largest id seen.
  mutating func counts(windowKind: String) throws(ImportError) -> RawCounts {
    if let latest { rows[latest] = row }
    var table = CountTable(file: file)
    for (place, row) in rows {
      try table.add(
        row + repeatElement(0, count: experts - row.count), window: place.window,
        layer: place.layer)
    }
    return try table.finished(windowKind: windowKind)
  }
}
