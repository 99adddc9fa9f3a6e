import Chart

/// A picture of a report with what is said about it. Its data are the picture's: told once.
public struct Figure: Sendable {
  /// What it is called in addresses, CSV files and JSON, in words with hyphens.
  public var id: String
  /// What it shows, in a few words.
  public var title: String
  /// How it is read: what a point is, what it is held against.
  public var note: String
  /// The picture and its data.
  public var plot: any Plot

  /// A picture with a caption.
  public init(_ id: String, _ title: String, _ note: String = "", _ plot: any Plot) {
    self.id = id
    self.title = title
    self.note = note
    self.plot = plot
  }

  /// Whether the picture is one of many, of which the page's readers choose a layer.
  var mapsByLayer: ShadeMap? { (plot as? ShadeMap).flatMap { $0.maps.count > 1 ? $0 : nil } }
}

/// A part of a report: a heading, a sentence or two, figures; or why there are none.
public struct ReportPart: Sendable {
  /// The heading; empty for none.
  public var title: String
  /// What stands below it.
  public var lead: String
  /// The figures, as far as there is something to draw.
  public var figures: [Figure]
  /// Why nothing is shown, where nothing is.
  public var absence: String

  /// A part; figures without anything to draw are left out.
  public init(
    _ title: String, _ lead: String, _ figures: [Figure?],
    absence: String = "Nothing in what was given to measure it by."
  ) {
    self.title = title
    self.lead = lead
    self.figures = figures.compactMap { $0 }.filter { $0.plot.svg != nil }
    self.absence = absence
  }
}

/// A section of a report.
public struct ReportSection: Sendable {
  /// What it is called in addresses, in words with hyphens.
  public var id: String
  /// The heading.
  public var title: String
  /// What stands below it.
  public var lead: String
  /// Its parts, in their order.
  public var parts: [ReportPart]
  /// Whether its readers choose a layer for its maps and charts.
  public var choosesLayers: Bool

  /// A section.
  public init(
    _ id: String, _ title: String, _ lead: String, _ parts: [ReportPart],
    choosesLayers: Bool = false
  ) {
    self.id = id
    self.title = title
    self.lead = lead
    self.parts = parts
    self.choosesLayers = choosesLayers
  }
}
