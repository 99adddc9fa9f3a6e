import Demand
import Placement
import RoutingTrace
import Wafer

/// Places experts by every algorithm asked for, and judges where they lie.
struct PlaceRun {
  let command: Place
  let material: PlaceMaterial
  let hardware: Hardware
  let model: ModelShape
  let judge: PlacementJudge
  let rules: [PlacementRule]

  init(_ command: Place) throws {
    self.command = command
    material = try command.source.read()
    let shape = try material.shape()
    model = try simulatedModel(command.system.model.shape, of: shape, in: command.source.files)
    guard model.experts == shape.experts, model.topK == shape.topK else {
      throw PlacementError(
        "the files route top-\(shape.topK) of \(shape.experts) experts, but \(model.name) top-"
          + "\(model.topK) of \(model.experts)", remedy: "name their shape (--shape)")
    }
    hardware = try command.system.hardware()
    judge = command.system.judge(hardware, model)
    rules = try command.rules()
  }

  private var needs: Set<PlacementRule.Need> { rules.reduce(into: []) { $0.formUnion($1.needs) } }

  private var options: PlacementOptions {
    var options = PlacementOptions()
    options.time = judge.time
    if let groups = command.groups { options.groups = groups }
    if let tolerance = command.tolerance { options.tolerance = tolerance }
    return options
  }

  /// Where one algorithm puts the experts.
  ///
  /// - Parameter isRedundant: Whether redundant slots may be used.
  private func map(
    _ rule: PlacementRule, _ evidence: PlacementEvidence, isRedundant: Bool = true
  ) throws -> SlotMap {
    let layout = try command.system.layout(
      hardware, experts: model.experts, redundant: isRedundant && rule.takesRedundantSlots)
    try judge.check(layout, modelLayers: model.moeLayers.count)
    return try rule.algorithm(options).place(evidence, on: layout)
  }

  /// The algorithms for which the evidence suffices; says which others are left out.
  private func possible(_ evidence: PlacementEvidence) throws -> [PlacementRule] {
    try rules.filter { rule in
      let lacksPairs = rule.needs.contains(.pairs) && evidence.pairs == nil
      let lacksSuccessions = rule.needs.contains(.successions) && evidence.successions == nil
      guard lacksPairs || lacksSuccessions else { return true }
      let what = "which experts tokens choose \(lacksPairs ? "together" : "after each other")"
      guard command.namesAll else {
        throw PlacementError(
          "\(rule.rawValue) asks for \(what), and counts of loads do not tell",
          remedy: "place from a trace, or leave it out")
      }
      complain("moecast: \(rule.rawValue) is left out: it asks for \(what)")
      return false
    }
  }

  /// The placement of the only algorithm, with what files ask beside it.
  func placed(batch: Int) throws -> PlacedModel {
    let (evidence, _) = try material.evidence(batch: batch, needs: needs)
    guard let rule = try possible(evidence).first else {
      throw PlacementError("nothing is left to place by", remedy: "name another algorithm")
    }
    let (counts, _) = try material.evidence(batch: material.countedTokens, needs: [])
    return try PlacedModel(
      try map(rule, evidence), moeLayers: try material.shape().modelLayers, layers: model.layers,
      loads: counts.loads)
  }

  /// The table of one batch size: the default first, then the algorithms, then the bounds.
  func rows(batch: Int, on pool: RequestPool) throws -> [PlacedRow] {
    let (evidence, words) = try material.evidence(batch: batch, needs: needs)
    var entries: [(name: String, words: String, isInSample: Bool, map: SlotMap)] = []
    let sample = material.isInSample
    entries.append(
      ("contiguous", words, sample, try map(.contiguous, evidence, isRedundant: false)))
    let rules = try possible(evidence).filter { $0 != .contiguous || command.hasRedundant }
    for rule in rules {
      let name = rule == .contiguous ? "contiguous, copies" : rule.rawValue
      entries.append((name, words, sample, try map(rule, evidence)))
    }
    let algorithms = entries.count
    let batches = JudgedPlacements.batches(
      of: pool, size: batch, steps: command.stepCount, seed: command.seed ?? 1)
    let hindsight = try PlacementEvidence(
      of: pool, tokens: Array(batches.joined()), batch: batch,
      countsPairs: needs.contains(.pairs), countsSuccessions: needs.contains(.successions))
    let oracles = try rules.filter { ![.contiguous, .roundRobin].contains($0) }.map { rule in
      let map = try map(rule, hindsight)
      return (rule, map, judge.figures(of: map, on: pool, batches: batches).expertSeconds)
    }
    if let best = oracles.min(by: { $0.2 < $1.2 }) {
      entries.append(("oracle: \(best.0.rawValue)", material.judgedWords, true, best.1))
    }
    entries.append(
      ("worst", material.judgedWords, true, try map(.worst, hindsight, isRedundant: false)))
    let judged = try JudgedPlacements(
      entries.map(\.map), on: pool, by: judge, batch: batch, steps: command.stepCount,
      seed: command.seed ?? 1, draws: command.drawCount, workers: command.workers.threads)
    return entries.enumerated().map { place, entry in
      PlacedRow(
        algorithm: entry.name, evidence: entry.words, isInSample: entry.isInSample,
        map: entry.map, batch: batch, judged: judged, place: place, wafer: hardware.name,
        hasTraffic: command.traffic,
        isBound: place >= algorithms)
    }
  }

  /// Runs in which experts are placed anew every so many steps.
  func replacements(every: Int, batch: Int, on pool: RequestPool) throws -> [ReplacedRow] {
    let batches = pool.sideBySide(batch)
    guard batches.count > every else {
      throw PlacementError(
        "\(pool.tokens) tokens, \(batch) at a time, are served in \(batches.count) steps, so nothing"
          + " is placed anew after \(every)", remedy: "give a smaller --every or --batch")
    }
    let (evidence, words) = try material.evidence(batch: batch, needs: needs)
    let contiguous = try map(.contiguous, evidence, isRedundant: false)
    var rows: [ReplacedRow] = []
    func add(_ name: String, _ rule: PlacementRule, _ first: SlotMap, _ policy: Replacement.Policy)
      throws
    {
      let run = try Replacement(
        judge, algorithm: try rule.algorithm(options), countsPairs: rule.needs.contains(.pairs),
        countsSuccessions: rule.needs.contains(.successions), every: every)
      let result = try run.run(from: first, on: pool, batches: batches, policy)
      rows.append(
        ReplacedRow(
          algorithm: name, evidence: words, policy: policy, every: every, batch: batch,
          steps: batches.count,
          result: result, baseSeconds: rows.first?.baseSeconds ?? result.seconds))
    }
    try add("contiguous", .contiguous, contiguous, .never)
    for rule in try possible(evidence) where ![.contiguous, .roundRobin].contains(rule) {
      let first = try map(rule, evidence)
      for policy in Replacement.Policy.allCases { try add(rule.rawValue, rule, first, policy) }
    }
    return rows
  }
}
