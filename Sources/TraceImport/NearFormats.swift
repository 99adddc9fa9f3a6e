/// The known formats that a file of none of them is nearest to, by their marks, or else by its name.
struct NearFormats {
  /// A format, and those of its marks that the file lacks.
  private struct Candidate {
    var format: ForeignFormat
    var missing: [String]
    /// Share of the format's marks that the file has.
    var share: Double
  }

  private var candidates: [Candidate] = []
  private let accepting: [ForeignFormat]

  /// Formats that are named at most.
  private static let most = 3

  /// By the file's name alone.
  init(fileNamed name: String) {
    accepting = ForeignFormat.all.filter { $0.type.accepts(fileNamed: name) }
  }

  /// - Parameter head: the first bytes of JSON text.
  init(ofJSON head: [UInt8], fileNamed name: String) {
    self.init(fileNamed: name)
    let keys = Set(ForeignFormat.all.flatMap { $0.type.marks }).filter {
      JSONText.holds(head, key: $0)
    }
    choose(among: keys)
  }

  /// - Parameter columns: the fields of a table's first line.
  init(ofColumns columns: [ArraySlice<UInt8>], fileNamed name: String) {
    self.init(fileNamed: name)
    choose(among: Set(columns.map { String(decoding: $0, as: UTF8.self) }))
  }

  /// Takes the formats at least a third of whose marks are there, nearest first.
  private mutating func choose(among marks: Set<String>) {
    for format in ForeignFormat.all {
      let own = format.type.marks
      let missing = own.filter { !marks.contains($0) }
      guard 3 * missing.count <= 2 * own.count, missing.count < own.count else { continue }
      candidates.append(
        Candidate(
          format: format, missing: missing,
          share: 1 - Double(missing.count) / Double(own.count)))
    }
    // Sorting is stable: equal shares stay in the order of the list.
    candidates.sort { $0.share > $1.share }
  }

  /// What its owner can do.
  var remedy: String {
    let all = ForeignFormat.names.joined(separator: ", ")
    guard !candidates.isEmpty else {
      let names = accepting.map(\.name).joined(separator: ", ")
      return "if it is in one of them, name that with --format to hear what is wrong with it: "
        + (accepting.isEmpty ? all : "\(names) by its name, else \(all)")
    }
    let near = candidates.prefix(Self.most).map { candidate in
      let missing = candidate.missing.map { "\"\($0)\"" }.joined(separator: ", ")
      return candidate.format.name + (missing.isEmpty ? "" : " (it lacks \(missing))")
    }
    return
      "the nearest formats are \(near.joined(separator: ", ")); name one with --format to hear "
      + "what is wrong with it, of all: \(all)"
  }
}
