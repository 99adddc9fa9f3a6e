import Chart

/// A report as values: what its page, its JSON and its CSV files are made from.
///
/// ```swift
/// var report = ResearchReport(title: "Routing of tiny-moe", provenance: provenance)
/// report.add(ObservationFigures(observations, analysis, distances))
/// try report.html.write(toFile: "report.html", atomically: true, encoding: .utf8)
/// ```
public struct ResearchReport: Sendable {
  /// What was measured, in a few words.
  public var title: String
  /// The same in a sentence.
  public var subtitle: String
  /// Numbers that stand on top: what each is, and itself.
  public var facts: [(name: String, value: String)] = []
  /// What was found, the most telling first; five of them are shown.
  public var findings: [Finding] = []
  /// The sections, in their order.
  public var sections: [ReportSection] = []
  /// Where all of it comes from.
  public var provenance: Provenance
  /// What must be known of all figures, such as that a model has learnt the very traces.
  public var remarks: [String] = []

  /// A report without anything in it.
  public init(title: String, subtitle: String, provenance: Provenance) {
    self.title = title
    self.subtitle = subtitle
    self.provenance = provenance
  }

  /// All figures, in their order, each with the section that it stands in.
  public var figures: [(section: String, figure: Figure)] {
    sections.flatMap { section in
      section.parts.flatMap { part in part.figures.map { (section.id, $0) } }
    }
  }

  /// The findings that are shown.
  public var shownFindings: [Finding] { Array(findings.prefix(5)) }
}

extension ResearchReport: Encodable {
  private enum Key: String, CodingKey {
    case title, subtitle, remarks, facts, findings, figures, provenance
  }
  private enum FigureKey: String, CodingKey { case id, section, title, note, columns, rows }

  /// Maps of every layer have their columns here and their rows in CSV alone, where they are the
  /// size of the tables.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(title, forKey: .title)
    try container.encode(subtitle, forKey: .subtitle)
    try container.encode(remarks, forKey: .remarks)
    try container.encode(
      Dictionary(facts.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first }),
      forKey: .facts)
    try container.encode(shownFindings, forKey: .findings)
    try container.encode(provenance, forKey: .provenance)
    var list = container.nestedUnkeyedContainer(forKey: .figures)
    for (section, figure) in figures {
      var own = list.nestedContainer(keyedBy: FigureKey.self)
      try own.encode(figure.id, forKey: .id)
      try own.encode(section, forKey: .section)
      try own.encode(figure.title, forKey: .title)
      try own.encode(figure.note, forKey: .note)
      let data = figure.plot.data
      try own.encode(data.columns, forKey: .columns)
      if figure.mapsByLayer == nil { try own.encode(data.rows, forKey: .rows) }
    }
  }
}
