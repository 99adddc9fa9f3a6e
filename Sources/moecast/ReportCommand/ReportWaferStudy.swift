import Demand
import MemoryBudget
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

  /// How staging meets reads on the system; where it has nothing from elsewhere to bring, on one
  /// whose experts lie in a host's memory.
  private func staged(
    _ hardware: Hardware, _ model: ModelShape, _ pool: RequestPool
  ) throws -> ReportPart {
    /// - Parameter room: the share of all experts that a die may hold copies of; nil for what is left.
    func run(
      _ tables: MixtureTables, _ hardware: Hardware, batch: Int, steps: Int, warm: Int,
      room: Double? = nil, _ words: String
    ) throws -> StagedDie {
      let schedule = BatchSchedule(pool, size: batch, steps: steps)
      var simulation = StagingSimulation(hardware: hardware, model: model)
      simulation.notesReads = true
      simulation.options.holdsBack = false
      simulation.options.gapSeconds = 10e-6
      let all = Double(shape.layers * shape.experts) * simulation.expert.weightBytes
      simulation.options.copyBytes = room.map { $0 * all }
      // Small enough that a part of an expert can have come in time.
      simulation.options.chunkBytes = min(4e6, simulation.expert.weightBytes / 8)
      let forecast = try ForecastSources(mixture: tables).forecast(.mixture, schedule)
      return StagedDie(
        try simulation.run(pool, schedule: schedule, forecast: forecast, warmSteps: warm),
        layers: schedule.layers, batch: batch, system: words,
        forecast: "a mixture that learns as the tokens go by")
    }
    do {
      let tables = try MixtureTables(pool, horizon: 1, workers: workers)
      let own = try run(
        tables,
        hardware, batch: min(options.batch ?? 4096, 64), steps: 12, warm: 4,
        "On \(hardware.name), 10 µs between layers")
      if own.hasRemoteReads { return own.part }
      let host = try SystemDescription(named: "pcie-1").hardware
      return try run(
        tables, host, batch: 4, steps: 8, warm: 0, room: 0.25,
        "On \(hardware.name) dies read their own HBM, and nothing waits. On a GPU whose experts lie in "
          + "the host's memory (\(host.name)), with room for a quarter of them and 10 µs between layers"
      ).part
    } catch let error as SimulationError {
      return ReportPart(StagedDie.title, "", [], absence: "\(error)")
    } catch let error as MemoryShortage {
      return ReportPart(StagedDie.title, "", [], absence: "\(error)")
    }
  }
}
