import Chart

/// The page: one HTML file that needs nothing else, readable without its script.
extension ResearchReport {
  /// How a page says that it is one of these.
  public static let generator = "<meta name=\"generator\" content=\"moecast report\">"

  /// The page's text, the same for the same report.
  ///
  /// - Complexity: linear in the figures' data.
  public var html: String {
    """
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
    \(Self.filters)
    <header>
    <h1>\(escaped(title))</h1>
    <p class="lead">\(escaped(subtitle))</p>
    \(remarks.map { "<p class=\"absent\">\(escaped($0))</p>" }.joined(separator: "\n"))
    <nav>\(sections.map { "<a href=\"#\($0.id)\">\(escaped($0.title))</a>" }.joined())\
    <a href="#provenance">Provenance</a></nav>
    \(tiles)
    </header>
    <main>
    \(summary)
    \(sections.map(html).joined(separator: "\n"))
    </main>
    \(foot)
    \(maps)
    <script>
    \(String(decoding: PackageResources.script_js, as: UTF8.self))</script>
    </body>
    </html>

    """
  }

  static var style: String {
    let dark = """
      --paper: #14171c; --sheet: #1c2027; --ink: #e8ebef; --soft: #b3bcc6; --faint: #98a2ad; --rule: #333a43;
      --s0: #5bb4ee; --s1: #f39a4d; --s2: #3fc79a; --s3: #c79be0; --s4: #e0bd4a; --s5: #6fd3f2; --s6: #9aa4b0;
      --reference: #9aa4b0; --accent: #5bb4ee; --heat: url(#ramp-dark); --diverging: url(#ramp-diverging-dark);
      """
    return String(decoding: PackageResources.style_css, as: UTF8.self)
      + Ramp.light.rules + "\n@media screen and (prefers-color-scheme: dark) {\n:root { \(dark) }\n"
      + Ramp.dark.rules + "\n}"
  }

  static var filters: String {
    "<svg class=\"defs\" aria-hidden=\"true\">" + Ramp.light.filter("ramp-light")
      + Ramp.dark.filter("ramp-dark") + Ramp.divergingLight.filter("ramp-diverging-light")
      + Ramp.divergingDark.filter("ramp-diverging-dark") + "</svg>"
  }

  private var tiles: String {
    "<dl class=\"tiles\">"
      + facts.map { "<div><dt>\(escaped($0.name))</dt><dd>\(escaped($0.value))</dd></div>" }
      .joined()
      + "</dl>"
  }

  private var summary: String {
    guard !findings.isEmpty else { return "" }
    let items = shownFindings.map { finding in
      """
      <li class="finding"><h3>\(escaped(finding.sentence))</h3>
      <p>\(escaped(finding.text))</p>
      <figure>\(finding.plot.svg ?? "")</figure></li>
      """
    }
    return "<ol class=\"findings\">\n\(items.joined(separator: "\n"))\n</ol>"
  }

  private func html(_ section: ReportSection) -> String {
    let bar =
      section.choosesLayers && !byLayer.isEmpty
      ? """
      <div class="layers" hidden><button type="button" value="-1" aria-label="layer before">&#8592;</button>\
      <input type="range" min="0" max="0" value="0" aria-label="layer of maps and charts">\
      <button type="button" value="1" aria-label="next layer">&#8594;</button><output></output></div>
      """ : ""
    return """
      <section>
      <h2 id="\(section.id)">\(escaped(section.title))</h2>
      <p class="lead">\(escaped(section.lead))</p>
      \(bar)
      \(section.parts.map(html).joined(separator: "\n"))
      </section>
      """
  }

  private func html(_ part: ReportPart) -> String {
    let heading = part.title.isEmpty ? "" : "<h3>\(escaped(part.title))</h3>\n"
    let lead = part.lead.isEmpty ? "" : "<p class=\"lead\">\(escaped(part.lead))</p>\n"
    guard !part.figures.isEmpty else {
      return heading + lead + "<p class=\"absent\">\(escaped(part.absence))</p>"
    }
    return heading + lead + "<div class=\"figures\">\n"
      + part.figures.map(html).joined(separator: "\n") + "\n</div>"
  }

  private func html(_ figure: Figure) -> String {
    let shown = figure.mapsByLayer.flatMap { $0.maps[$0.shown].layer }
    let which = shown.map { ", <span class=\"which\">layer \($0)</span>" } ?? ""
    let legend = figure.plot.legend
    let entries = legend.map { "<li><i class=\"\($0.style)\"></i>\(escaped($0.name))</li>" }
    return """
      <figure id="\(figure.id)">
      <figcaption><b>\(escaped(figure.title))\(which)</b>\(escaped(figure.note))</figcaption>
      \(entries.isEmpty ? "" : "<ul class=\"legend\">\(entries.joined())</ul>")
      \(figure.plot.svg ?? "")
      \(figure.mapsByLayer == nil ? table(figure.plot.data) : "")
      </figure>
      """
  }

  /// The figure's data, folded away; long ones are for CSV.
  private func table(_ data: PlotData) -> String {
    guard data.rows.count <= 80 else { return "" }
    let heads = data.columns.map {
      "<th scope=\"col\">\(escaped($0.replacing("_", with: " ")))</th>"
    }
    let rows = data.rows.map { row in
      "<tr>"
        + zip(data.columns, row).enumerated().map { index, cell in
          let label = escaped(cell.0.replacing("_", with: " "))
          return index == 0
            ? "<th scope=\"row\">\(escaped(Self.shown(cell.1)))</th>"
            : "<td data-label=\"\(label)\">\(escaped(Self.shown(cell.1)))</td>"
        }.joined() + "</tr>"
    }
    return
      "<details><summary>data</summary><table class=\"wide\"><thead><tr>\(heads.joined())</tr></thead>"
      + "<tbody>\(rows.joined())</tbody></table></details>"
  }

  private static func shown(_ value: PlotValue) -> String {
    switch value {
    case .text(let text): text
    case .integer(let integer): "\(integer)"
    case .number(let number) where abs(number) >= 1e6: ValueFormat.prefixed().text(number)
    case .number(let number):
      number == number.rounded()
        ? "\(Int(number))" : "\(significant(number))"
    case .none: "-"
    }
  }

  /// Five significant digits, or all before the point.
  private static func significant(_ number: Double) -> Double {
    guard number != 0, number.isFinite else { return number }
    var scale = 1.0
    while abs(number) * scale < 10_000, scale < 1e12 { scale *= 10 }
    return (number * scale).rounded() / scale
  }

  /// The maps of which a layer is chosen.
  private var byLayer: [(id: String, map: ShadeMap)] {
    figures.compactMap { _, figure in figure.mapsByLayer.map { (figure.id, $0) } }
  }

  /// Images of all layers, for the script.
  private var maps: String {
    let byLayer = byLayer
    guard let first = byLayer.first else { return "" }
    let layers = Set(byLayer.flatMap { $0.map.maps.compactMap(\.layer) }).sorted()
    let lists = byLayer.map { id, map in
      "\"\(id)\":{\"layers\":[\(map.maps.map { "\($0.layer ?? 0)" }.joined(separator: ","))],"
        + "\"images\":[\(map.images.map { "\"\($0)\"" }.joined(separator: ","))]}"
    }
    return "<script type=\"application/json\" id=\"maps\">{\"prefix\":\"\(ShadeMap.imagePrefix)\","
      + "\"shown\":\(first.map.maps[first.map.shown].layer ?? 0),"
      + "\"layers\":[\(layers.map { "\($0)" }.joined(separator: ","))],"
      + "\"maps\":{\(lists.joined(separator: ",\n"))}}</script>"
  }

  private var foot: String {
    let inputs = provenance.inputs.map { input in
      let size = input.bytes.map { ValueFormat.prefixed("B").text(Double($0)) } ?? "a pipe"
      return "<dt>\(escaped(input.kind))</dt><dd>\(escaped(input.name)), \(size)"
        + (input.digest.map { ", XXH64 <code>\(escaped($0))</code>" } ?? "")
        + (input.chunksDigest.map { ", chunks <code>\(escaped($0))</code>" } ?? "") + "</dd>"
    }
    return """
      <footer>
      <h2 id="provenance">Provenance</h2>
      <dl>\(inputs.joined(separator: "\n"))
      <dt>software</dt><dd>\(escaped(provenance.software))</dd>
      <dt>command</dt><dd><code>\(escaped(provenance.command))</code></dd>
      <dt>date</dt><dd>\(escaped(provenance.date ?? "none given (--date); it is never taken from a clock"))</dd>
      <dt>paper</dt><dd>Patterns behind Chaos: Forecasting Data Movement for Efficient Large-Scale MoE \
      LLM Inference, arXiv 2510.05497; its figures are quoted as it gives them</dd></dl>
      </footer>
      """
  }
}
