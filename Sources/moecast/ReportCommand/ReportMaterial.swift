import ArgumentParser
import Chart
import Forecast
import Insight
import MemoryBudget
import ModelFile
import Prequential
import ReportPage
import RoutingTrace
import ShardSums

/// What a report is made from: read once through the traces, and measured on their first chunks.
struct ReportMaterial {
  private let command: ReportCommand
  private let files: ReportInputs
  private let sections: Set<ReportCommand.Section>
  /// The model, if one was given.
  private let model: Learner?
  private let shape: TraceShape
  private var analysis: TraceAnalysis?
  private var distances: ReuseDistances?
  /// The first chunks, up to the events asked for.
  private var sample: [TraceChunk] = []
  private var checksums: [UInt32] = []
  private var pass: StreamPass?

  /// The predictors of a report of traces alone, the last told of in detail.
  private static let predictors = [
    "frequency", "layer-markov", "token-markov", "mixture-fast", "mixture",
  ]

  /// - Throws: as reading traces and models; `MemoryShortage`.
  init(_ command: ReportCommand, _ files: ReportInputs) throws {
    self.command = command
    self.files = files
    sections = try command.chosenSections()
    model = try files.model.map { try Checkpoint.read($0).learner }
    guard files.sums.isEmpty else {
      guard sections.contains(.observations) else {
        throw ValidationError("sums of shards have observations only; name the traces for more")
      }
      try refuse(command.wafer.given, unless: false, "sums of shards have no tokens to simulate")
      let (analysis, facts) = try ShardInputs.total(
        of: files.sums, .analyze,
        read: { (sums) throws(ShardSumsError) in try TraceAnalysis(sums) },
        add: { (all, next) throws(ShardSumsError) in try all.add(next) })
      shape = analysis.shape
      self.analysis = analysis
      checksums = facts.digests
      return
    }
    guard !files.traces.isEmpty else {
      guard let model else { throw ValidationError("name traces or a model") }
      shape = model.shape
      guard sections.contains(.forecast) else {
        throw ValidationError("a model alone has a forecast only; name traces beside it")
      }
      try refuse(command.wafer.given, unless: false, "a model alone has no tokens to simulate")
      return
    }
    let interruption = Interruption()
    let stream = try interruption.stream(files.traces)
    shape = stream.shape
    if let model, !model.shape.isCompatible(with: shape) {
      throw LearnerError.shape(shape, expected: model.shape)
    }
    let workers = command.workers.threads
    try AvailableMemory.ofThisProcess().check(
      TraceAnalysis.memoryDemand(shape: shape, workers: workers))
    var pass = StreamPass(interruption)
    var (analysis, distances) = (TraceAnalysis(shape: shape), ReuseDistances(shape: shape))
    var (sample, checksums): ([TraceChunk], [UInt32]) = ([], [])
    var taken = 0
    pass.consume(stream) { chunk in
      try analysis.consume(chunk.block, workers: workers)
      distances.consume(chunk.block)
      checksums.append(chunk.checksum)
      if taken < command.events {
        taken += chunk.block.events
        sample.append(chunk)
      }
    }
    self.analysis = analysis
    self.distances = distances
    self.sample = sample
    self.checksums = checksums
    self.pass = pass
  }

  /// Whether there is anything to report.
  var hasFigures: Bool { pass?.hasFigures ?? true }

  /// Ends the command as the reading ended.
  func finish() throws { try pass?.finish("the report is of those alone") }

  /// The report.
  func report() throws -> ResearchReport {
    var report = ResearchReport(
      title: title, subtitle: "", provenance: provenance)
    if let analysis {
      let observations = analysis.observations(workers: command.workers.threads)
      report.subtitle = AnalysisReport(observations, seconds: 0).extent
      report.facts = facts(observations)
      if sections.contains(.observations) {
        let figures = ObservationFigures(observations, analysis, distances)
        report.sections.append(figures.section)
        report.findings = figures.findings
      }
      if let pass, !pass.isWhole {
        report.remarks.append(
          "The reading ended early: all figures are of the \(grouped(pass.chunks)) chunks before that."
        )
      }
    } else if let model {
      report.subtitle =
        "A model that has learnt \(grouped(model.total(\.tokens))) tokens of "
        + "\(grouped(model.total(\.requests))) requests."
      report.facts = facts(of: model)
    }
    if sections.contains(.forecast), let figures = try forecast() {
      report.sections.append(figures.section)
      if let remark = figures.remark { report.remarks.append(remark) }
      if let finding = figures.finding {
        report.findings.insert(finding, at: min(4, report.findings.count))
      }
    }
    if sections.contains(.wafer), !sample.isEmpty {
      report.sections.append(try waferSection())
    }
    return report
  }

  private var title: String {
    let name = shape.model.isEmpty ? "an unnamed model" : shape.model
    return analysis == nil ? "What a model of \(name) has learnt" : "Routing of \(name)"
  }

  private func facts(_ observations: Observations) -> [(name: String, value: String)] {
    [
      ("MoE layers", grouped(shape.layers)),
      ("experts a layer", "top-\(shape.topK) of \(shape.experts)"),
      ("requests", grouped(observations.requests)),
      ("tokens", grouped(observations.tokens[.all, default: 0])),
      ("of them decoded", grouped(observations.tokens[.decode, default: 0])),
      ("tasks", observations.tasks.isEmpty ? "not named" : grouped(observations.tasks.count)),
    ]
  }

  private func facts(of model: Learner) -> [(name: String, value: String)] {
    [
      ("MoE layers", grouped(shape.layers)),
      ("experts a layer", "top-\(shape.topK) of \(shape.experts)"),
      ("requests learnt", grouped(model.total(\.requests))),
      ("tokens learnt", grouped(model.total(\.tokens))),
      ("predictors", "\(model.predictors.count)"),
    ]
  }

  private var provenance: Provenance {
    let traces =
      files.traces.isEmpty
      ? files.sums : (try? TraceStream.files(of: files.traces)) ?? files.traces
    // Digests of chunks are of all traces together, and told with the last.
    let inputs = traces.enumerated().map { index, path in
      ReportInputs.input(
        path, kind: files.sums.isEmpty ? "trace" : "sums of a shard",
        chunks: index == traces.count - 1 ? checksums : nil)
    }
    return Provenance(
      inputs: inputs
        + (files.model.map { [ReportInputs.input($0, kind: "model")] } ?? []),
      software: ModelHeader.software, command: command.commandLine, date: command.date)
  }

  // MARK: Forecast

  /// Figures of what can be forecast; nil where nothing was given to measure it by.
  private func forecast() throws -> ForecastFigures? {
    guard !sample.isEmpty else {
      return model.flatMap { model in
        Self.best(of: model).map { ForecastFigures(training: model, of: $0) }
      }
    }
    let workers = command.workers.threads
    let learner: Learner
    if let model {
      learner = model.scoringAnew()
    } else {
      let specs = try PredictorCatalog.standard.specs(named: Self.predictors)
      try AvailableMemory.ofThisProcess().check(
        Comparison.memoryDemand(shape: shape, predictors: specs))
      learner = Learner(shape: shape, predictors: specs)
    }
    var comparison = Comparison(of: learner, learns: model == nil)
    var known = KnownChunks(model?.digests ?? [])
    for chunk in sample {
      known.note(chunk.checksum)
      try comparison.consume(chunk, workers: workers)
      comparison.recordHistory()
    }
    guard let best = Self.best(of: comparison.learner),
      let alone = learner.keeping([learner.specs[best]])
    else { return nil }
    var anatomy = ForecastAnatomy(alone, of: 0, learns: model == nil)
    for chunk in sample { try anatomy.consume(chunk.block) }
    return ForecastFigures(
      comparison, anatomy.figures, of: best,
      model == nil ? .prequential : .frozen(learntBefore: known.learnt, chunks: known.passed),
      learned: model)
  }

  // MARK: Wafer

  /// The strategies on the sample's decode tokens; why there is none where none can run.
  private func waferSection() throws -> ReportSection {
    let study = ReportWaferStudy(command.wafer, sample, shape, workers: command.workers.threads)
    return try study.section()
  }

  /// The predictor of the highest recall@K.
  private static func best(of learner: Learner) -> Int? {
    let recall = learner.predictors.indices.map {
      learner.score(of: $0, stages: Stage.allCases).recall(at: learner.shape.topK) ?? -1
    }
    return recall.indices.max { recall[$0] < recall[$1] }
  }
}
