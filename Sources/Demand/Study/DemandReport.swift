import Prequential

/// What came of the demand that a forecast expected, over many batches.
///
/// Every figure has a twin *if right*: what it would be, on average, if batches were drawn from the
/// forecast itself. A figure worse than its twin tells that the forecast is off; the twin alone,
/// how much it leaves to chance.
public struct DemandReport: Hashable, Sendable {
  /// Requests of the batches.
  public private(set) var requests = 0
  /// Experts that the batches asked for, a layer and step each.
  public private(set) var asked = 0
  /// Experts whose need was at least ``threshold``.
  public private(set) var wanted = 0
  /// Those of them that were asked for.
  public private(set) var wantedAndAsked = 0
  /// Needs against what came true.
  public private(set) var calibration = Calibration()
  private var misplaced = 0.0
  private var misplacedIfRight = 0.0
  private var askedIfRight = 0.0
  private var wantedAndAskedIfRight = 0.0

  /// The need from which an expert counts as wanted.
  public static let threshold = 0.5

  /// Takes in a layer of a step: what was expected, and every expert's requests.
  ///
  /// How many requests a batch makes is known beforehand (B K, but for what the record lacks), so
  /// the load is scaled to that. Where nothing was expected, every request is misplaced.
  mutating func score(_ demand: ExpertDemand, against counts: [Int]) {
    let total = counts.reduce(0, +)
    let load = demand.load.reduce(0, +)
    requests += total
    if load > 0 {
      let scale = Double(total) / load
      misplaced += zip(demand.load, counts).reduce(0) { $0 + abs($1.0 * scale - Double($1.1)) } / 2
      misplacedIfRight += scale * demand.deviation.reduce(0, +) / 2
    } else {
      misplaced += Double(total)
    }
    for (need, count) in zip(demand.need, counts) {
      calibration.add(need, cameTrue: count > 0)
      if count > 0 { asked += 1 }
      askedIfRight += need
      guard need >= Self.threshold else { continue }
      wanted += 1
      if count > 0 { wantedAndAsked += 1 }
      wantedAndAskedIfRight += need
    }
  }

  /// Share of the requests expected of wrong experts: sum of |expected - actual| / (2 sum of
  /// actual).
  public var loadError: Double { ratio(misplaced, Double(requests)) }
  /// ``loadError``, were batches drawn from the forecast.
  public var loadErrorIfRight: Double { ratio(misplacedIfRight, Double(requests)) }

  /// Share of the wanted experts that were asked for.
  public var precision: Double { ratio(Double(wantedAndAsked), Double(wanted)) }
  /// Share of the experts asked for that were wanted.
  public var recall: Double { ratio(Double(wantedAndAsked), Double(asked)) }
  /// Harmonic mean of precision and recall.
  public var f1: Double { ratio(2 * Double(wantedAndAsked), Double(wanted + asked)) }
  /// ``f1``, were batches drawn from the forecast.
  public var f1IfRight: Double {
    ratio(2 * wantedAndAskedIfRight, Double(wanted) + askedIfRight)
  }

  private func ratio(_ part: Double, _ whole: Double) -> Double { whole > 0 ? part / whole : 0 }
}
