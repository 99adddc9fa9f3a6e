import Chart
import Insight

/// What `analyze` found as one HTML file that needs nothing else: charts by layer, heatmaps,
/// tables.
struct AnalysisPage {
  let report: AnalysisReport
  let analysis: TraceAnalysis

  /// A page of `report`, with heatmaps of the counts in `analysis`.
  init(_ report: AnalysisReport, _ analysis: TraceAnalysis) {
    self.report = report
    self.analysis = analysis
  }

  /// How a page says that it is one of these.
  static let generator = "<meta name=\"generator\" content=\"moecast analyze\">"

  /// The page.
  var html: String {
    let title = "Routing of " + report.model
    let sections = Measure.observations.indices.map { section($0 + 1) }
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      \(Self.generator)
      <title>\(escaped(title))</title>
      <style>
      \(Self.style)
      </style>
      </head>
      <body>
      <h1>\(escaped(title))</h1>
      <p>\(escaped(report.extent)). Figures are of one layer; tables give their mean over the \
      layers, and the layers of the least and the greatest, over all tokens. <i>Popularity \
      alone</i> is what would be if every expert were drawn by its share in the layer, as few of \
      them as there are.</p>
      \(sections.joined(separator: "\n"))
      </body>
      </html>

      """
  }

  private func section(_ observation: Int) -> String {
    let name = Measure.observations[observation - 1]
    let title = "\(observation) \(name.prefix(1).uppercased())\(name.dropFirst())"
    let heading = "<h2>\(escaped(title))</h2>\n<p>\(escaped(Self.meaning(observation)))</p>"
    let table = table(observation)
    guard !table.isEmpty else {
      return heading + "\n<p class=\"absent\">Nothing in these traces to measure it by.</p>"
    }
    let charts = charts(observation)
    let maps = heatmaps(observation)
    let gallery =
      maps.isEmpty ? [] : ["<div class=\"maps\">\n\(maps.joined(separator: "\n"))\n</div>"]
    return ([heading] + charts + gallery + [table]).joined(separator: "\n")
  }

  private static func meaning(_ observation: Int) -> String {
    switch observation {
    case 1: "How narrow a layer's choices are after an expert of the layer before."
    case 2: "How narrow a layer's choices are after an expert of the token before."
    case 3: "Whether the prompt's routing tells of that of the tokens generated after it."
    case 4: "How unevenly single experts are used."
    case 5: "Which experts one token chooses together."
    default: "Whether a task uses experts of its own."
    }
  }

  private func table(_ observation: Int) -> String {
    let measures = report.measures(of: observation)
    guard !measures.isEmpty else { return "" }
    let columns = report.columns
    let rows = measures.map { measure in
      "<tr><th scope=\"row\">\(escaped(measure.title))</th>"
        + columns.map { "<td>\(escaped($0.shown(measure)))</td>" }.joined() + "</tr>"
    }
    let heads = [""] + columns.map { $0.heading ?? "" }
    return "<table>\n<tr>" + heads.map { "<th scope=\"col\">\($0)</th>" }.joined() + "</tr>\n"
      + rows.joined(separator: "\n") + "\n</table>"
  }
}
