import Counting
import Glibc

/// The memory of an ``EventScorer``, and the kernels that work in it.
///
/// A class, so that a kernel that is called and not inlined is handed one pointer and not twenty.
/// Every pointer covers `experts` values or, for those of an event, top-k.
final class ScoringKernels {
  /// The most experts an event may choose for products to stay within the range of a `Double`.
  static let maximumFactors = 12
  /// The least product whose factors are all told in full precision.
  static let smallestProduct = 0x1p-960
  /// The least probability that is told apart from others in single precision.
  static let smallest = 0x1p-100

  /// Ranks of the chosen experts, in their order, after ``score(_:by:counts:)``.
  let ranks: UnsafeMutablePointer<Int32>
  /// Experts of the layer (E).
  let experts: Int
  /// Single precision, in whole blocks; behind the last expert is 0, below every score.
  let scores: UnsafeMutablePointer<Float>
  /// ``scores`` shortened to 16 bits, for ranks.
  let keys: UnsafeMutablePointer<Int16>
  /// Blocks of ``block`` experts that cover all of them.
  let blocks: Int32
  /// Of each slot's expert: the lowest key that rounding may have given it.
  let lowest: UnsafeMutablePointer<Int16>
  /// Of each slot's expert: the highest such key.
  let highest: UnsafeMutablePointer<Int16>
  /// Of each slot's expert: how many experts' keys lie below ``lowest``.
  let below: UnsafeMutablePointer<Int32>
  /// Experts a block: as many 16-bit keys as two vectors of 32 bytes hold.
  static let block = 32
  /// Of each expert to one that is ranked exactly: 0 where their counts are the same.
  let differences: UnsafeMutablePointer<UInt32>
  /// Scores of products in double precision, before they are normalised.
  let products: UnsafeMutablePointer<Double>
  /// `1 / (c[j] + 1/2)`, kept while products are asked for.
  let inverses: UnsafeMutablePointer<Double>
  /// The weights of ``rows``: `1 / (sum T[i] + 2)` each.
  let weights: UnsafeMutablePointer<Double>
  /// The rows of the table that the event looks at.
  let rows: UnsafeMutablePointer<UnsafePointer<UInt32>>
  /// Room for `P0` where an event is scored from probabilities.
  let prior: UnsafeMutableBufferPointer<Double>
  /// Room for the probabilities themselves.
  let probabilities: UnsafeMutableBufferPointer<Double>

  /// Allocates room for events of at most `topK` of `experts` experts.
  init(experts: Int, topK: Int) {
    self.experts = experts
    let blocks = (experts + Self.block - 1) / Self.block
    self.blocks = Int32(blocks)
    ranks = Self.room(topK, 0)
    scores = Self.room(blocks * Self.block, 0)
    keys = Self.room(blocks * Self.block, 0)
    lowest = Self.room(topK, 0)
    highest = Self.room(topK, 0)
    below = Self.room(topK, 0)
    differences = Self.room(experts, 0)
    products = Self.room(experts, 0)
    inverses = Self.room(experts, 0)
    weights = Self.room(topK, 0)
    rows = .allocate(capacity: topK)
    prior = UnsafeMutableBufferPointer(start: Self.room(experts, 0), count: experts)
    probabilities = UnsafeMutableBufferPointer(start: Self.room(experts, 0), count: experts)
  }

  /// Memory that begins at a cache line's start, which vectors of whole blocks rely on.
  private static func room<Value: BitwiseCopyable>(
    _ count: Int, _ value: Value
  ) -> UnsafeMutablePointer<Value> {
    let room = UnsafeMutableRawPointer.allocate(
      byteCount: count * MemoryLayout<Value>.stride, alignment: 64
    ).bindMemory(to: Value.self, capacity: count)
    room.initialize(repeating: value, count: count)
    return room
  }

  deinit {
    ranks.deallocate()
    scores.deallocate()
    keys.deallocate()
    lowest.deallocate()
    highest.deallocate()
    below.deallocate()
    differences.deallocate()
    products.deallocate()
    inverses.deallocate()
    weights.deallocate()
    rows.deallocate()
    prior.deallocate()
    probabilities.deallocate()
  }

  /// Reads the counts that products need, before the first event.
  func begin(_ counts: CountsView) {
    var j = 0
    while j < experts {
      inverses[j] = 1 / (Double(Int32(bitPattern: counts.cells[j])) + 0.5)
      j += 1
    }
  }

  /// Follows `Counting/CountsLearner/learn(_:)`.
  @inline(__always)
  func learned(_ event: Event, counts: CountsView) {
    let chosen = event.chosen
    var slot = 0
    while slot < chosen.count {
      let j = chosen[slot]
      inverses[j] = 1 / (Double(Int32(bitPattern: counts.cells[j])) + 0.5)
      slot += 1
    }
  }

  /// Writes the chosen experts' ``ranks`` and returns the mean log2 of their probabilities, within
  /// ``EventScorer/tolerance``; nil where only the probabilities tell.
  func score(_ event: Event, by rule: ScoringRule, counts: CountsView) -> Double? {
    score(event, TopK<0>(), by: rule, counts: counts)
  }

  /// The same with top-k as a constant that the loops unroll by.
  @inline(__always)
  func score<let constant: Int>(
    _ event: Event, _ topK: TopK<constant>, by rule: ScoringRule, counts: CountsView
  ) -> Double? {
    let chosen = event.chosen.counted(topK)
    switch rule {
    case .frequency:
      return scoreFrequency(chosen, topK, counts)
    case .mean(let table):
      let given = table == .layerPairs ? event.earlierLayer(1) : event.previousToken
      return given.count == 0
        ? scoreFrequency(chosen, topK, counts)
        : scoreMean(chosen, given: given, topK, in: table, counts)
    case .product(let table):
      let given = table == .layerPairs ? event.earlierLayer(1) : event.previousToken
      guard given.count <= Self.maximumFactors else { return nil }
      return given.count == 0
        ? scoreFrequency(chosen, topK, counts)
        : scoreProduct(chosen, given: given, in: table, counts)
    }
  }

  /// Writes the chosen experts' ranks, and returns the mean log2 of their probabilities, from the
  /// predictor's own probabilities: exact, slow, and what the fast kernels are tested against.
  func scoreExactly(
    _ event: Event, by predictor: any CountingPredictor, counts: CountsView
  ) -> Double {
    counts.prior(into: prior)
    predictor.forecast(event, counts: counts, prior: prior, into: probabilities)
    let chosen = event.chosen
    var slot = 0
    while slot < chosen.count {
      ranks[slot] = Int32(Ranking.rank(of: chosen[slot], by: probabilities))
      slot += 1
    }
    return chosen.meanLog2(of: probabilities)
  }
}
