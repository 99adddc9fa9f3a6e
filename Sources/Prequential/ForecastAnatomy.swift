import Counting
import Forecast
import RoutingTrace

/// Where the forecasts of one predictor are right: how often probabilities come true, and recall@K
/// by the token's position, by how well stored paths match, and by whether what the layer before
/// chose was seen before.
///
/// ```swift
/// var anatomy = ForecastAnatomy(learner, of: 0, learns: false)
/// while let chunk = try stream.next() { try anatomy.consume(chunk.block) }
/// print(anatomy.figures.calibration.error, anatomy.figures.seenContexts.recall ?? 0)
/// ```
///
/// Every event is looked at before it is learnt. The chance that an expert is among the K chosen is
/// taken as min(1, K p) of its probability p.
public struct ForecastAnatomy {
  /// Chosen experts, and those of them among the K best ranked.
  public struct Tally: Hashable, Sendable {
    /// Events.
    public fileprivate(set) var events = 0
    /// Experts chosen in them.
    public fileprivate(set) var chosen = 0
    /// Those of them that stood among the K best.
    public fileprivate(set) var hits = 0

    /// Recall@K; nil without events.
    public var recall: Double? { chosen > 0 ? Double(hits) / Double(chosen) : nil }

    fileprivate mutating func add(chosen: Int, hits: Int) {
      events += 1
      self.chosen += chosen
      self.hits += hits
    }
  }

  /// What came of the events so far.
  public struct Figures: Sendable {
    /// Chances of all experts.
    public fileprivate(set) var calibration = Calibration()
    /// Chances of each event's K best.
    public fileprivate(set) var calibrationOfBest = Calibration()
    /// By position in the request: 0, 1, 2 to 3, 4 to 7, and so on.
    public fileprivate(set) var byPosition: [Tally] = []
    /// By the share of the token's choices so far that the best stored path made too: below .1, below
    /// .2, ..., below 1, and all of them. Empty where the predictor stores no paths.
    public fileprivate(set) var byMatch: [Tally] = []
    /// Events whose layer before chose a set of experts that was seen there before, and others; of
    /// models with one expert a token the two layers before. First layers are in neither.
    public fileprivate(set) var seenContexts = Tally()
    public fileprivate(set) var newContexts = Tally()
    /// Whether it is known what was seen before the stream began: always of a predictor that begins
    /// with it, else where it stores paths.
    public let knowsContexts: Bool
    /// Layers whose choices are a context.
    public let contextLayers: Int

    private var contexts: [Set<UInt64>]

    fileprivate init(contexts: [Set<UInt64>], layers: Int, knowsContexts: Bool) {
      self.contexts = contexts
      contextLayers = layers
      self.knowsContexts = knowsContexts
    }

    fileprivate mutating func add(
      _ event: ForecastPass.Followed, _ probabilities: UnsafeMutableBufferPointer<Double>,
      best: [UInt16], topK: Int, learns: Bool
    ) {
      let chosen = Set(event.chosen)
      // In the precision in which forecasts are written.
      func chance(_ expert: Int) -> Double {
        min(1, Double(topK) * Double(Float(probabilities[expert])))
      }
      for expert in probabilities.indices {
        calibration.add(
          chance(expert), cameTrue: chosen.contains(UInt16(truncatingIfNeeded: expert)))
      }
      for expert in best {
        calibrationOfBest.add(chance(Int(expert)), cameTrue: chosen.contains(expert))
      }
      let hits = best.count(where: chosen.contains)
      let position = ForecastAnatomy.bin(ofPosition: event.position)
      byPosition += Array(repeating: Tally(), count: max(0, position + 1 - byPosition.count))
      byPosition[position].add(chosen: chosen.count, hits: hits)
      if let match = event.pathMatch {
        if byMatch.isEmpty { byMatch = Array(repeating: Tally(), count: 11) }
        // A tenth begins where a share reaches it, so that .3 of ten choices is in the fourth.
        byMatch[min(10, Int(match * 10 + 1e-9))].add(chosen: chosen.count, hits: hits)
      }
      guard event.layer >= contextLayers, knowsContexts else { return }
      let hash = ForecastAnatomy.hash(
        (1...contextLayers).map { event.token[event.layer - $0].sorted() })
      if contexts[event.layer].contains(hash) {
        seenContexts.add(chosen: chosen.count, hits: hits)
      } else {
        newContexts.add(chosen: chosen.count, hits: hits)
        if learns { contexts[event.layer].insert(hash) }
      }
    }
  }

  /// What came of the events so far.
  public private(set) var figures: Figures
  private var pass: ForecastPass

  /// - Parameters:
  ///   - learner: what has been learnt.
  ///   - predictor: index into its predictors.
  ///   - learns: whether it goes on learning.
  /// - Complexity: O(stored paths x L).
  public init(_ learner: Learner, of predictor: Int, learns: Bool) {
    let shape = learner.shape
    let depth = shape.topK == 1 ? 2 : 1
    pass = ForecastPass(learner, of: predictor, learns: learns)
    pass.ranking = ForecastRanking(top: shape.topK)
    pass.matchesPaths = true
    let mixture = learner.mixture(of: predictor)
    let stored = (0..<shape.layers).map { mixture?.storedChoices(ofLayer: $0) ?? [] }
    let tokens = stored.map(\.count).min() ?? 0
    let contexts = (0..<shape.layers).map { layer -> Set<UInt64> in
      guard layer >= depth else { return [] }
      return Set(
        (0..<tokens).map { token in Self.hash((1...depth).map { stored[layer - $0][token] }) })
    }
    figures = Figures(
      contexts: contexts, layers: depth,
      knowsContexts: learner.total(\.tokens) == 0 || tokens > 0)
  }

  /// Looks at the forecasts of a block, and then knows it.
  ///
  /// - Throws: ``LearnerError`` where the block is of another shape.
  /// - Complexity: as ``ForecastPass/consume(_:_:)``, and O(E) an event.
  public mutating func consume(_ block: TokenBlock) throws {
    let (topK, learns, ranking) = (block.shape.topK, pass.learns, pass.ranking)
    let ranker = ExpertRanker(experts: block.shape.experts)
    // Taken out, so that they are not copied at their first change.
    var figures = Figures(contexts: [], layers: 0, knowsContexts: false)
    swap(&figures, &self.figures)
    defer { self.figures = figures }
    try pass.follow(block) { event, probabilities in
      let best = ranking.best(of: probabilities, by: ranker).experts
      figures.add(event, probabilities, best: best, topK: topK, learns: learns)
    }
  }

  /// The place of a position in ``byPosition``.
  static func bin(ofPosition position: Int) -> Int {
    position < 1 ? 0 : 64 - position.leadingZeroBitCount
  }

  /// The positions of a place in ``byPosition``.
  public static func positions(ofBin bin: Int) -> ClosedRange<Int> {
    bin == 0 ? 0...0 : 1 << (bin - 1)...(1 << bin) - 1
  }

  /// A hash of sets, each ascending.
  fileprivate static func hash(_ sets: [[UInt16]]) -> UInt64 {
    var hash = FNV1a()
    for set in sets {
      for expert in set { hash.add(UInt64(expert)) }
      hash.add(0xFFFF)
    }
    return hash.value
  }
}
