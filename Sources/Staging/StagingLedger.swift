/// What a staged run has saved so far against the same engine without forecasts.
///
/// Both run side by side on the same batches, so every layer shows what forecasts were worth: their
/// copies shorten plans, their chunks make demand wait, their newcomers push out what would have
/// been read again. What a transfer may cost has to be covered by what forecasts have saved before,
/// plus what a run may lose: ``share`` of its time, and ``ofStep`` of a step to begin with, since
/// transfers cost before they serve.
struct StagingLedger: Sendable {
  /// What may be lost for good, as a share of the time without forecasts.
  static let share = 0.001
  /// What may be lost at the beginning, as a share of one step.
  static let ofStep = 0.1
  /// What may be lost beyond that as long as the same forecast has gained as much lately where it was
  /// trusted (``StagingTrial``), as a share of one step.
  static let ofStepOnTrial = 0.25

  private let layers: Int
  /// Layers booked, and their seconds without forecasts.
  private var booked = 0
  private var elapsed = 0.0
  /// Those seconds of the layers that count.
  private var counted = 0.0
  /// Whether the steps that count have begun.
  private var isCounting = false
  /// Seconds saved in the layers that count, negative if lost.
  private(set) var balance = 0.0

  /// - Parameter layers: Layers a step.
  init(layers: Int) { self.layers = layers }

  /// Books one layer's seconds, with forecasts and without.
  mutating func book(with: Double, without: Double) {
    booked += 1
    elapsed += without
    counted += without
    balance += without - with
  }

  /// Forgets what was saved or lost so far: from now on it counts.
  mutating func beginCounting() { (isCounting, counted, balance) = (true, 0, 0) }

  /// Whether `seconds` may be lost from now on.
  ///
  /// - Parameter lead: What the forecast's trial has gained lately.
  func affords(_ seconds: Double, lead: Double) -> Bool {
    let step = elapsed / Double(max(1, booked)) * Double(layers)
    let lent = max(0, min(lead, Self.ofStepOnTrial * step))
    // What is pushed out while warming up may be missed when it counts, and what was saved by then
    // does not.
    let saved = isCounting ? balance : min(balance, 0)
    return saved + Self.share * counted + Self.ofStep * step + lent >= seconds
  }
}
