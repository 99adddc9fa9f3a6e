import Chart
import Staging
import Wafer

/// How staging met the reads of one die, layer by layer.
public struct StagedDie: Sendable {
  private let result: StagingResult
  private let layers: Int
  private let batch: Int
  private let system: String
  private let forecast: String

  /// - Parameters:
  ///   - result: of a run that noted its reads (``Staging/StagingSimulation/notesReads``).
  ///   - layers: MoE layers of a step.
  ///   - system: where, in words.
  ///   - forecast: what staged, in words.
  public init(
    _ result: StagingResult, layers: Int, batch: Int, system: String, forecast: String
  ) {
    self.result = result
    self.system = system
    self.layers = layers
    self.batch = batch
    self.forecast = forecast
  }

  /// What the part is called.
  public static let title = "Staging on one die"

  /// Whether any read was not met by the die's own HBM alone.
  public var hasRemoteReads: Bool { result.staging.demand + result.staging.stagedLate > 0 }

  /// The kinds that are shown, from above.
  private static let kinds: [(StagedRead.Kind, String)] = [
    (.demand, "on demand"), (.onTime, "on time"), (.late, "late"), (.wasted, "wasted"),
  ]

  /// The die that staging did most for; the lowest of equals.
  private var die: Int? {
    var counts: [Int: Int] = [:]
    for read in result.reads where read.kind != .local { counts[read.die, default: 0] += 1 }
    return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
  }

  /// The part of the wafer's section that tells of it.
  public var part: ReportPart {
    let title = Self.title
    guard let die else {
      return ReportPart(
        title, "", [],
        absence: "Every read was met by the die's own HBM: there was nothing to stage.")
    }
    let report = result.staging
    func percent(_ count: Int) -> String {
      ValueFormat.percent.text(report.reads > 0 ? Double(count) / Double(report.reads) : 0)
    }
    return ReportPart(
      title,
      "\(system), batches of \(batch), all that \(forecast) expects is brought. Of all reads \(percent(report.local)) were local, "
        + "\(percent(report.stagedOnTime)) staged on time, \(percent(report.stagedLate)) late, "
        + "\(percent(report.demand)) on demand; \(ValueFormat.percent.text(report.precision)) of the "
        + "transfers were used.",
      [
        Figure(
          "staging-timeline", "Reads of die \(die) and transfers to it that were wasted",
          "Each block is a layer as long as it took, as high as the number of experts.",
          LanePlot(
            "Staging on die \(die)",
            time: Axis("time (s)", key: "seconds", format: .prefixed("s")), value: "experts",
            lanes: Self.kinds.map(\.1), blocks: blocks(of: die))),
        Figure(
          "staging-reads", "How reads were met, all dies", "",
          RowPlot(
            "How reads were met",
            value: Axis("reads", key: "reads", format: .prefixed(), shows: [0]), rowKey: "met",
            rows: [
              .init("on demand", [Double(report.demand)]),
              .init("on time", [Double(report.stagedOnTime)], color: 1),
              .init("late", [Double(report.stagedLate)], color: 2),
              .init("local", [Double(report.local)], color: 6),
            ])),
      ])
  }

  private func blocks(of die: Int) -> [LanePlot.Block] {
    var begin = 0.0
    var counts: [Int: [StagedRead.Kind: Int]] = [:]
    for read in result.reads where read.die == die {
      counts[read.turn, default: [:]][read.kind, default: 0] += 1
    }
    // Two hundred layers are as many as can be told apart.
    return result.simulation.rows.prefix(200).flatMap { row -> [LanePlot.Block] in
      let end = begin + row.result.seconds
      defer { begin = end }
      let own = counts[row.step * layers + row.layer] ?? [:]
      return Self.kinds.enumerated().compactMap { lane, kind in
        own[kind.0].map {
          .init(
            lane: lane, begin: begin, end: end, value: Double($0),
            note: "step \(row.step), MoE layer \(row.layer)")
        }
      }
    }
  }
}
