import Counting
import RoutingTrace

/// What a ``Mixture`` has learnt of one MoE layer.
///
/// Counts are integers; the weights of the mixture and of its linear part follow the order of the
/// stream.
struct MixtureLayer: Hashable, Sendable {
  /// What a weight moves by, in units of its gradient's root mean square.
  static let weightStep: Float = 0.002
  /// What a row of the linear part moves by at its first visit (``LinearSteps``).
  static let linearStep: Float = 0.2
  /// The visits after which a row's steps begin to shrink.
  static let linearVisits: Float = 20
  /// What the bias, which every event looks at, moves by.
  static let biasStep: Float = 0.02
  /// How much more the first slot of an earlier choice counts than its middle, and the last less:
  /// most sources put the largest gate weight first, and where they do not it does no harm.
  static let slotSlope: Float = 0.25

  /// Experts of the layer (E).
  let experts: Int
  /// Experts rounded up to whole lanes of eight.
  let lanes: Int
  /// The parts in use.
  let parts: MixtureParts
  /// The parts that are inputs of the weighted sum: all but the linear one.
  let inputs: [MixtureParts]
  /// Whether there is anything to weigh: a single part's probabilities are the forecast itself.
  var mixes: Bool { inputs.count != 1 || parts.contains(.linear) }

  /// `c[j]`, one row.
  var frequency: RowTable
  /// Tables of rows, one for each part of ``rowParts`` that is in use.
  var rows: [RowTable]
  /// Tables of pairs, one for each part of ``pairParts`` that is in use.
  var pairs: [PairTable]
  /// Contexts met before; without places unless `repeats` is in use.
  var repeats: RepeatTable
  /// What the requests under way have chosen here.
  var histories: RequestHistories
  /// `[input]`: the weight of each input in the sum of log odds.
  var weights: [Float]
  /// `[input]`: the mean square of the weight's gradient, which its steps are divided by.
  var power: [Float]
  /// The weights of the linear part: rows `[group * experts + expert]`, then one a task, then the
  /// bias; `lanes` values each.
  var linear: AlignedArray<Float>
  /// How often each row of ``linear`` was looked at.
  var linearVisits: [UInt32]

  /// The parts that average single rows, in the order of ``rows``.
  static let rowParts: [MixtureParts] = [.layer, .skip2, .skip3, .skip4, .token]
  /// The parts that average rows of pairs, in the order of ``pairs``.
  static let pairParts: [MixtureParts] = [.pairs, .jointPairs]

  /// Parts whose tables are kept: pairs and repeats fall back on single rows.
  static func tabled(_ parts: MixtureParts) -> MixtureParts {
    var tabled = parts
    if !parts.isDisjoint(with: [.pairs, .repeats]) { tabled.insert(.layer) }
    if parts.contains(.jointPairs) { tabled.formUnion([.layer, .token]) }
    return tabled
  }

  /// Bytes that each of `tables` tables of pairs may take in one layer.
  static func pairBudget(_ shape: TraceShape, tables: Int) -> Int {
    PairTable.budget / shape.layers / tables
  }

  /// Bytes that the table of repeats may take in one layer; 0 where it is not in use.
  static func repeatBudget(_ shape: TraceShape, _ parts: MixtureParts) -> Int {
    parts.contains(.repeats) ? RepeatTable.budget / shape.layers : 0
  }

  /// Rows of the linear part: the groups' experts, the tasks, the bias.
  static func linearRows(_ shape: TraceShape, _ parts: MixtureParts) -> Int {
    parts.contains(.linear) ? EarlierChoices.count * shape.experts + TaskName.buckets + 1 : 0
  }

  /// A layer that has learnt nothing: tables of zeros, and equal weights.
  init(shape: TraceShape, options: MixtureOptions) {
    experts = shape.experts
    lanes = (shape.experts + 7) / 8 * 8
    parts = options.parts
    inputs = MixtureParts.named.map(\.part).filter {
      $0 != .linear && options.parts.contains($0)
    }
    let lanes = lanes
    let tabled = Self.tabled(parts)
    frequency = RowTable(rows: 1, lanes: lanes, halvingTotal: options.halvingTotal)
    rows = Self.rowParts.filter(tabled.contains).map { _ in
      RowTable(rows: shape.experts, lanes: lanes, halvingTotal: options.halvingTotal)
    }
    let pairParts = Self.pairParts.filter(parts.contains)
    pairs = pairParts.map { _ in
      PairTable(
        experts: shape.experts, lanes: lanes,
        budget: Self.pairBudget(shape, tables: pairParts.count),
        halvingTotal: options.halvingTotal)
    }
    repeats = RepeatTable(topK: shape.topK, budget: Self.repeatBudget(shape, parts))
    histories = RequestHistories(lanes: lanes, parts: parts)
    // `repeats` adds to what the others say, so it takes nothing from their weights.
    let alike = inputs.count - (parts.contains(.repeats) ? 1 : 0)
    weights = [Float](repeating: min(1, 1.2 / Float(max(1, alike))), count: inputs.count)
    power = [Float](repeating: 0.001, count: inputs.count)
    let linearRows = Self.linearRows(shape, parts)
    linear = AlignedArray(repeating: 0, count: linearRows * lanes)
    linearVisits = [UInt32](repeating: 0, count: linearRows)
  }

  /// Bytes that the tables of one layer take; a request under way adds `lanes` numbers for each of
  /// the parts `request` and `recent`.
  static func bytes(shape: TraceShape, options: MixtureOptions) -> Int {
    let lanes = (shape.experts + 7) / 8 * 8
    let tabled = tabled(options.parts)
    let pairs = pairParts.filter(options.parts.contains)
    let row = RowTable.bytes(rows: 1, lanes: lanes)
    let rows = rowParts.count(where: tabled.contains)
    var bytes = row + rows * RowTable.bytes(rows: shape.experts, lanes: lanes)
    for _ in pairs {
      bytes += PairTable.bytes(
        experts: shape.experts, lanes: lanes, budget: PairTable.budget / shape.layers / pairs.count)
    }
    if options.parts.contains(.repeats) {
      bytes += RepeatTable.bytes(topK: shape.topK, budget: RepeatTable.budget / shape.layers)
    }
    return bytes + linearRows(shape, options.parts) * (lanes + 1) * 4
  }

  /// Bytes of a layer's largest table.
  static func largestTable(shape: TraceShape, options: MixtureOptions) -> Int {
    let lanes = (shape.experts + 7) / 8 * 8
    return max(shape.experts, linearRows(shape, options.parts)) * lanes * 4
  }
}
