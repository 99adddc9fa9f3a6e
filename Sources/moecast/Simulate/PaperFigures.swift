import Chart
import DurableFile
import Glibc
import PathText
import Staging
import SystemPackage
import Wafer

/// The paper's figures 12, 14 and 15 of a sweep, as SVG and CSV.
struct PaperFigures {
  private let rows: [(system: String, row: Sweep.Row)]
  private let strategies = Strategy.allCases.map(\.rawValue)

  /// - Parameter systems: the names of the sweep's systems.
  init(_ rows: [Sweep.Row], systems: [String]) {
    self.rows = rows.map { (systems[$0.system], $0) }
  }

  /// Writes `12-P.svg`, `12-P.csv` and so on.
  ///
  /// - Parameters:
  ///   - choices: the name of the set of choices.
  ///   - inputs: files that must not be replaced.
  func write(
    into folder: String, _ choices: String, inputs: [String], _ force: ForceOption
  ) throws {
    func write(_ text: String, _ name: String) throws {
      let sink = try OutputSink("\(folder)/\(name)", .figure(inputs: inputs, force: force))
      try sink.write(Array(text.utf8))
      try sink.commit()
    }
    guard mkdir(folder, 0o777) == 0 || errno == EEXIST else {
      throw FileError(
        FilePath(text: folder), .create, "cannot be made", code: Errno(rawValue: errno))
    }
    for figure in figures(choices) {
      try write(figure.chart.svg, "figure-\(figure.name)-\(choices).svg")
      try write(figure.csv, "figure-\(figure.name)-\(choices).csv")
    }
  }

  private struct Figure {
    let name: String
    let chart: BarChart

    /// A line a group, a column a bar.
    var csv: String {
      let lines =
        [["configuration"] + chart.names]
        + chart.groups.map { group in
          [group.label] + group.values.map { $0.map { "\($0)" } ?? "" }
        }
      return lines.map(csvLine).joined(separator: "\n") + "\n"
    }
  }

  private func figures(_ choices: String) -> [Figure] {
    [
      Figure(
        name: "12",
        chart: BarChart(
          "Figure 12, throughput over Base (\(choices))", axis: "times Base", names: strategies,
          groups: ratios(on: PaperComparison.wafers) { own, base in
            own.tokensPerSecond / base.tokensPerSecond
          }, isLogarithmic: false)),
      Figure(
        name: "14-hops",
        chart: BarChart(
          "Figure 14, hops of Base over those of each strategy (\(choices))", axis: "times fewer",
          names: strategies,
          groups: ratios(on: PaperComparison.wafers) { own, base in
            own.hops > 0 ? base.hops / own.hops : nil
          }, isLogarithmic: true)),
      Figure(
        name: "14-reads",
        chart: BarChart(
          "Figure 14, memory accesses a layer, batch 16384 (\(choices))", axis: "experts",
          names: ["local reads", "remote reads", "local writes"],
          groups: rows.filter {
            PaperComparison.wafers.contains($0.system) && $0.row.batch == 16384
          }.map { system, row in
            .init(
              "\(system) \(row.model) \(row.strategy)",
              [row.localReads, row.remoteReads, row.copies])
          }, isLogarithmic: false)),
      Figure(
        name: "15",
        chart: BarChart(
          "Figure 15, time that planning on the host adds (\(choices))", axis: "%",
          names: strategies,
          groups: ratios(on: ["dojo", PaperComparison.enhanced]) { own, _ in
            own.hostOverhead.map { 100 * $0 }
          }, isLogarithmic: false)),
    ]
  }

  /// A group a configuration, a bar a strategy.
  private func ratios(
    on systems: [String], _ value: (_ own: Sweep.Row, _ base: Sweep.Row) -> Double?
  ) -> [BarChart.Group] {
    rows.filter { $0.row.strategy == Strategy.base.rawValue && systems.contains($0.system) }.map {
      system, base in
      let own = strategies.map { strategy in
        rows.first { $0.row.isConfigured(as: base) && $0.row.strategy == strategy }
      }
      return .init(
        "\(system) \(base.model) \(base.batch)", own.map { $0.flatMap { value($0.row, base) } })
    }
  }
}
