import Chart
import Demand
import RoutingTrace
import Staging
import Wafer

/// What strategies make of a trace on a wafer: throughput and hops, reads, loads, what bounds every
/// layer, and how staging met the reads of one die.
public struct WaferFigures: Sendable {
  /// A strategy and what it came to.
  public struct Run: Sendable {
    /// Its name.
    public var strategy: Strategy
    /// What it came to.
    public var result: SimulationResult

    /// A strategy and what it came to.
    public init(_ strategy: Strategy, _ result: SimulationResult) {
      self.strategy = strategy
      self.result = result
    }
  }

  private let hardware: Hardware
  private let fabric: Fabric
  private let model: ModelShape
  private let expert: ExpertCost
  private let modelLayers: [Int]
  private let batch: Int
  /// Distinct tokens in a batch.
  private let distinct: Int
  private let runs: [Run]
  private let staging: ReportPart

  /// Figures of strategies on the same batches.
  ///
  /// - Parameters:
  ///   - distinct: distinct tokens in a batch; the other slots repeat one of them.
  ///   - runs: at least one.
  ///   - staging: how staging met reads, or why it did not; see ``StagedDie``.
  public init(
    _ hardware: Hardware, _ model: ModelShape, modelLayers: [Int], batch: Int, distinct: Int,
    runs: [Run], staging: ReportPart
  ) {
    self.hardware = hardware
    fabric = Fabric(hardware)
    self.model = model
    expert = ExpertCost(shape: model, format: .bf16)
    self.modelLayers = modelLayers
    self.batch = batch
    self.distinct = distinct
    self.runs = runs
    self.staging = staging
  }

  /// The section of them all.
  public var section: ReportSection {
    let repeats =
      distinct < batch ? ", of which \(distinct) are distinct and the others repeat them" : ""
    return ReportSection(
      "wafer", "What it is worth on a wafer",
      "\(hardware.name), \(hardware.columns) x \(hardware.rows) dies, \(model.name) in bf16, batches of "
        + "\(batch) decode tokens\(repeats). Weights move, activations stay; the layers' times are the "
        + "bound engine's.", [strategies, reads, loads, bounds, staging])
  }

  private func name(_ run: Run) -> String { run.strategy.rawValue }

  private var strategies: ReportPart {
    let base = runs.first { $0.strategy == .base }?.result.tokensPerSecond
    func rows(_ value: (SimulationResult) -> Double) -> [RowPlot.Row] {
      runs.map { .init(name($0), [value($0.result)], color: $0.strategy == .base ? 6 : 0) }
    }
    return ReportPart(
      "Strategies", "",
      [
        Figure(
          "throughput", "Throughput of MoE layers", "Tokens a second; more is better.",
          RowPlot(
            "Throughput by strategy",
            value: Axis(
              "tokens a second", key: "tokens_per_second", format: .prefixed(), shows: [0]),
            rowKey: "strategy", rows: rows(\.tokensPerSecond))),
        base.map { base in
          Figure(
            "speedup", "The same over Base",
            "The paper's means of its models: pred 3.0, allo 6.3, allo+pred 6.6.",
            RowPlot(
              "Speedup by strategy",
              value: Axis("times Base", key: "speedup", format: .times, shows: [0]),
              rowKey: "strategy", rows: rows { $0.tokensPerSecond / base }))
        },
        Figure(
          "hops", "Hops of weights a layer", "Sum of the distances of all reads between dies.",
          RowPlot(
            "Hops by strategy", value: Axis("hops", key: "hops", format: .prefixed(), shows: [0]),
            rowKey: "strategy", rows: rows { $0.mean(\.hops) })),
      ])
  }

  private var reads: ReportPart {
    ReportPart(
      "What memories do", "",
      [
        Figure(
          "dram", "Bytes read and written in HBM a layer",
          "Reads of a die's own HBM, of another die's, and copies.",
          RowPlot(
            "DRAM accesses by strategy",
            value: Axis("bytes", key: "bytes", format: .prefixed("B"), shows: [0]),
            parts: ["local reads", "remote reads", "copies written"], rowKey: "strategy",
            rows: runs.map { run in
              let counts: [KeyPath<LayerResult, Int>] = [\.localReads, \.remoteReads, \.copies]
              return .init(
                name(run), counts.map { run.result.mean($0) * expert.weightBytes })
            }))
      ])
  }

  private var loads: ReportPart {
    // The slowest and the fastest say most.
    let order = bySpeed
    let shown = order.count > 1 ? [order[0], order[order.count - 1]] : order
    return ReportPart(
      "Loads of dies and links",
      "How long each die's memory or compute, whichever was busier, and each link was busy, of a "
        + "layer's time; the slowest and the fastest strategy.",
      shown.map { run in
        Figure(
          "load-" + name(run).replacing("+", with: "-"), name(run),
          "A mean layer takes \(ValueFormat.prefixed("s").text(run.result.meanLayerSeconds)).",
          mesh(run))
      }, absence: "No strategy ran.")
  }

  /// The slowest first, and the last of equals last.
  private var bySpeed: [Run] {
    runs.enumerated().sorted {
      ($0.element.result.tokensPerSecond, $0.offset)
        < ($1.element.result.tokensPerSecond, $1.offset)
    }.map(\.element)
  }

  private func mesh(_ run: Run) -> MeshPlot {
    let network = BusyNetwork(
      fabric, run.result.meanBusy, layerSeconds: run.result.meanLayerSeconds)
    return MeshPlot(
      "Loads of dies and links, \(name(run))", nodes: network.nodes, links: network.links)
  }

  private var bounds: ReportPart {
    guard let run = bySpeed.last else { return ReportPart("What bounds each layer", "", []) }
    let kinds: [(String, KeyPath<LayerResult, Double>)] = [
      ("the layer", \.seconds), ("busiest compute", \.computeSeconds),
      ("busiest memory", \.memorySeconds), ("busiest link", \.linkSeconds),
    ]
    return ReportPart(
      "What bounds each layer", "\(name(run)), the fastest.",
      [
        Figure(
          "layer-bounds", "Time of each layer and its busiest parts",
          "The part that reaches the layer's time bounds it; none does where latencies do.",
          LinePlot(
            "What bounds each layer",
            x: Axis("model layer", key: "layer", format: .plain(0), isWhole: true),
            y: Axis("seconds", key: "seconds", format: .prefixed("s"), shows: [0]),
            series: kinds.enumerated().map { index, kind in
              .init(
                kind.0, color: index == 0 ? 6 : index - 1, index == 0 ? .reference : .line,
                layers(run.result, kind.1))
            }, followsLayer: true)),
        roofline(run),
      ])
  }

  /// A figure's mean over steps, by layer.
  private func layers(
    _ result: SimulationResult, _ seconds: KeyPath<LayerResult, Double>
  ) -> [LinePlot.Point] {
    modelLayers.enumerated().map { ordinal, number in
      let own = result.rows.filter { $0.layer == ordinal }
      let sum = own.reduce(0) { $0 + $1.result[keyPath: seconds] }
      return .init(Double(number), own.isEmpty ? nil : sum / Double(own.count))
    }
  }

  /// Every layer's operations a second over its operations a byte, under the wafer's roofs.
  private func roofline(_ run: Run) -> Figure {
    let flops = Double(batch * model.topK) * expert.flopsPerRequest
    let peak = hardware.computeFlops * hardware.computeEfficiency * Double(fabric.dies)
    let bandwidth = hardware.hbmBandwidth * Double(fabric.dies)
    let points = run.result.rows.compactMap { row -> (LinePlot.Point, Bottleneck)? in
      let bytes = Double(row.result.tasks) * expert.weightBytes
      guard bytes > 0, row.result.seconds > 0 else { return nil }
      return (
        .init(
          flops / bytes, flops / row.result.seconds,
          note: "layer \(modelLayers[row.layer]), step \(row.step)"), row.result.bottleneck
      )
    }
    let intensities = points.map(\.0.x)
    let low = (intensities.min() ?? 1) / 4
    let ridge = peak / bandwidth
    let high = max(ridge, intensities.max() ?? 1) * 4
    let roofs = [
      LinePlot.Series(
        "roofs: memory, compute", color: 6, .reference,
        [.init(low, low * bandwidth), .init(ridge, peak), .init(high, peak)])
    ]
    return Figure(
      "roofline", "Roofline of the layers",
      "Operations a second over operations for each byte of weights; the wafer's HBM and compute are "
        + "the roofs.",
      LinePlot(
        "Roofline",
        x: Axis("FLOP a byte", key: "flop_per_byte", format: .prefixed(), isLogarithmic: true),
        y: Axis("FLOP/s", key: "flop_per_second", format: .prefixed(), isLogarithmic: true),
        series: roofs
          + Bottleneck.allCases.enumerated().map { color, kind in
            .init(
              "bound by \(kind.rawValue)", color: color, .points,
              points.filter { $0.1 == kind }.map(\.0))
          }))
  }
}
