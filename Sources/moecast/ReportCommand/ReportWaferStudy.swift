import Demand
import ReportPage
import RoutingTrace
import Staging
import Wafer

/// The simulations of a report: every strategy of the paper on the same batches, and one staged run.
struct ReportWaferStudy {
  private let options: ReportWaferOptions
  private let sample: [TraceChunk]
  private let shape: TraceShape
  private let workers: Int

  /// Simulations of the decode tokens of these chunks.
  init(
    _ options: ReportWaferOptions, _ sample: [TraceChunk], _ shape: TraceShape, workers: Int
  ) {
    self.options = options
    self.sample = sample
    self.shape = shape
    self.workers = workers
  }

  /// The section; what keeps simulations from running stands in it in place of figures.
  ///
  /// - Throws: `HardwareError`, also where no system has that name.
  func section() throws -> ReportSection {
    let system = try systems(options.wafer ?? "dojo", overrides: [])[0]
    do {
      return try figures(system.hardware).section
    } catch let error as SimulationError {
      return absent("\(error)")
    } catch let error as TraceError {
      return absent("\(error)")
    }
  }

  private func absent(_ reason: String) -> ReportSection {
    ReportSection(
      "wafer", "What it is worth on a wafer", "", [ReportPart("", "", [], absence: reason)])
  }

  private func figures(_ hardware: Hardware) throws -> WaferFigures {
    let model = try simulatedModel(options.shape, of: shape, in: ["the trace"])
    var collector = RequestPool.Collector(shape: shape, stage: .decode)
    for chunk in sample { collector.add(chunk.block) }
    let pool = collector.pool()
    guard pool.requests > 0 else {
      throw SimulationError("The traces hold no decode tokens; nothing fills a batch.")
    }
    let batch = options.batch ?? 4096
    let schedule = BatchSchedule(pool, size: batch, steps: 2)
    let simulations = Strategy.allCases.map { strategy in
      Simulation(hardware: hardware, model: model, batch: batch, steps: 2, strategy: strategy)
    }
    let results = try Simulation.sideBySide(
      simulations, pool, followers: nil, schedule: schedule)
    let distinct = Set(schedule.tokens[0]).count
    return WaferFigures(
      hardware, model, modelLayers: shape.modelLayers, batch: batch, distinct: distinct,
      runs: zip(Strategy.allCases, results).map { WaferFigures.Run($0, $1) },
      staging: try staged(hardware, model, pool))
  }

  /// A staged run of smaller batches, whose weights leave time to bring others.
  private func staged(
    _ hardware: Hardware, _ model: ModelShape, _ pool: RequestPool
  ) throws -> StagedDie {
    let batch = min(options.batch ?? 4096, 64)
    let (steps, warm) = (8, 4)
    let schedule = BatchSchedule(pool, size: batch, steps: steps)
    var simulation = StagingSimulation(hardware: hardware, model: model)
    simulation.notesReads = true
    let forecast = try ForecastSources().forecast(.heatmap, schedule)
    let result = try simulation.run(
      pool, schedule: schedule, forecast: forecast, warmSteps: warm)
    return StagedDie(
      result, layers: schedule.layers, batch: batch,
      forecast: "the token heatmap counted as they go by")
  }
}
