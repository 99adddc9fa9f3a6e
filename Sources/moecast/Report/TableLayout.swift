/// A table's cells set under each other, in as many blocks as the width asks for.
///
/// Columns that do not fit go to a second and a third block, behind those that say which row it is;
/// what does not fit into these either is left out, and named.
struct TableLayout {
  /// The most blocks that a table is cut into.
  static let mostBlocks = 3

  let headings: [String]
  let rows: [[String]]
  /// Columns that are set to the left.
  let isLeft: [Bool]
  /// Columns that say which row it is.
  let isName: [Bool]
  /// What headings mean, which is said on a terminal.
  var meanings: [String?] = []
  /// Rows that stand out.
  var isBest: [Bool] = []
  private let widths: [Int]

  /// - Parameter lines: the headings, then the rows.
  init(_ lines: [[String]], isLeft: [Bool]) {
    self.init(
      headings: lines.first ?? [], rows: Array(lines.dropFirst()), isLeft: isLeft,
      isName: isLeft.indices.map { $0 == 0 })
  }

  init(headings: [String], rows: [[String]], isLeft: [Bool], isName: [Bool]) {
    self.headings = headings
    self.rows = rows
    self.isLeft = isLeft
    self.isName = isName
    widths = headings.indices.map { column in
      max(headings[column].count, rows.map { $0[column].count }.max() ?? 0)
    }
  }

  /// The columns of every block, and those that are left out.
  ///
  /// - Parameter width: nil for one block of all.
  func blocks(width: Int?) -> (shown: [[Int]], leftOut: [Int]) {
    guard let width, lineWidth(Array(headings.indices)) > width else {
      return ([Array(headings.indices)], [])
    }
    var waiting = headings.indices[...]
    var shown: [[Int]] = []
    var leftOut: [Int] = []
    let names = repeatedNames(width: width)
    while !waiting.isEmpty, shown.count < Self.mostBlocks {
      // A name that is still to come is not repeated yet.
      var block = shown.isEmpty ? [] : names.filter { !waiting.contains($0) }
      let begin = block.count
      while let next = waiting.first {
        // One at least, however wide it is.
        let fits = lineWidth(block + [next]) <= width || block.count == begin
        guard fits || canBeCut(next, behind: block, width) else { break }
        block.append(next)
        waiting.removeFirst()
      }
      // Names alone that no further block repeats tell nothing.
      let isIdle = block.allSatisfy { isName[$0] && !names.contains($0) } && !waiting.isEmpty
      if isIdle { leftOut += block } else { shown.append(block) }
    }
    return (shown, leftOut + waiting)
  }

  /// Whether a column of words may be wrapped into what is left of the width.
  private func canBeCut(_ column: Int, behind block: [Int], _ width: Int) -> Bool {
    isLeft[column] && column == headings.count - 1 && width - lineWidth(block) - 2 >= 24
  }

  /// The columns that begin further blocks: names that differ between rows, as far as they leave
  /// half of the width.
  private func repeatedNames(width: Int) -> [Int] {
    let names = headings.indices.filter { isName[$0] }
    var chosen = names.filter { column in Set(rows.map { $0[column] }).count > 1 }
    if chosen.isEmpty { chosen = Array(names.prefix(1)) }
    while lineWidth(chosen) > width / 2, chosen.count > 1 { chosen.removeFirst() }
    return chosen
  }

  private func lineWidth(_ columns: [Int]) -> Int {
    columns.reduce(0) { $0 + widths[$1] } + 2 * max(0, columns.count - 1)
  }

  /// A line's cells of some columns, two blanks between them; words that are wider than what is
  /// left are wrapped below.
  ///
  /// - Parameter cells: of all columns.
  func lines(_ cells: [String], _ columns: [Int], width: Int?) -> [String] {
    var line = ""
    for (place, column) in columns.enumerated() {
      if place > 0 { line += "  " }
      let text = cells[column]
      if let width, isLeft[column], place == columns.count - 1, line.count + text.count > width,
        width - line.count >= 24
      {
        let indent = String(repeating: " ", count: line.count)
        let wrapped = filled(text, width: width - line.count).split(separator: "\n")
        return wrapped.enumerated().map { $0 == 0 ? line + $1 : indent + $1 }
      }
      let padding = String(repeating: " ", count: max(0, widths[column] - text.count))
      line += isLeft[column] ? text + padding : padding + text
    }
    guard line.hasSuffix(" ") else { return [line] }
    return [String(line.reversed().drop { $0 == " " }.reversed())]
  }
}

extension TableLayout: Shown {
  func lines(on terminal: Terminal) -> [Line] {
    let (blocks, leftOut) = blocks(width: terminal.width)
    var lines: [Line] = []
    for (index, block) in blocks.enumerated() {
      if index > 0 { lines.append(Line("")) }
      lines += self.lines(headings, block, width: nil).map { Line($0, .bold) }
      for (row, cells) in rows.enumerated() {
        let weight: Line.Weight = isBest.indices.contains(row) && isBest[row] ? .bold : .plain
        lines += self.lines(cells, block, width: terminal.width).map { Line($0, weight) }
      }
    }
    return lines + notes(leftOut, width: terminal.width)
  }

  /// What headings mean and which columns are left out, on a terminal.
  private func notes(_ leftOut: [Int], width: Int?) -> [Line] {
    guard let width else { return [] }
    var notes: [String] = []
    let meant = meanings.indices.filter { !leftOut.contains($0) }.compactMap { place in
      meanings[place].map { "\(headings[place]): \($0)" }
    }
    if !meant.isEmpty { notes.append(meant.joined(separator: "; ")) }
    if !leftOut.isEmpty {
      notes.append(
        "not shown, for want of width: " + leftOut.map { headings[$0] }.joined(separator: ", ")
          + "; a wider terminal or `| less -S` has all")
    }
    return notes.flatMap { note in
      filled(note, width: width, indent: "  ").split(separator: "\n").map {
        Line(String($0), .faint)
      }
    }
  }
}
