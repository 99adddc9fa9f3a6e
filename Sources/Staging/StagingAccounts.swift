import Wafer

/// What is counted in a staged run: how reads were met, what became of transfers, and what
/// forecasts have saved so far, out of which they may risk more.
struct StagingAccounts {
  var report = StagingReport()
  /// How each read was met; nil unless that is noted.
  private(set) var reads: [StagedRead]?
  /// The turn that runs.
  private var turn = 0
  /// Against the same run without forecasts.
  private var ledger: StagingLedger
  private var copyTrust = TransferTrust()
  private var bufferTrust = TransferTrust()
  /// Seconds of this layer in the run without forecasts; nil where nothing is held back.
  private var baselineSeconds: Double?
  /// What the forecast's trial has gained lately.
  private var lead = 0.0
  /// Whether the forecast knows what comes.
  private let isPerfect: Bool
  private let costs: TransferCosts

  /// - Parameters:
  ///   - layers: Layers a step.
  ///   - isPerfect: Whether the forecast knows what comes, so that its transfers are trusted.
  ///   - notesReads: Whether each read is noted.
  init(layers: Int, isPerfect: Bool, notesReads: Bool, _ costs: TransferCosts) {
    reads = notesReads ? [] : nil
    ledger = StagingLedger(layers: layers)
    self.isPerfect = isPerfect
    self.costs = costs
  }

  // MARK: What forecasts may cost

  /// A layer begins, beside the same layer of the run without forecasts, if there is one.
  ///
  /// - Parameter lead: What the forecast's trial has gained lately.
  mutating func begin(_ turn: Turn, beside baseline: BaselineLayer?, lead: Double) {
    self.turn = turn.number
    baselineSeconds = baseline?.seconds
    self.lead = lead
  }

  /// Books the layer's seconds against those without forecasts.
  mutating func book(_ seconds: Double) {
    if let baselineSeconds { ledger.book(with: seconds, without: baselineSeconds) }
  }

  mutating func endTurn() { baselineSeconds = nil }

  /// Whether forecasts have saved enough to risk `seconds`; always, where nothing is held back or
  /// the forecast knows what comes.
  func mayRisk(_ seconds: Double) -> Bool {
    isPerfect || baselineSeconds == nil || ledger.affords(seconds, lead: lead)
  }

  /// The steps that count begin: nothing counts of those before, neither reads nor what forecasts
  /// have saved.
  mutating func beginCounting() {
    report = StagingReport()
    if reads != nil { reads = [] }
    ledger.beginCounting()
  }

  /// How often transfers to such a target proved right; always, if the forecast knows what comes.
  func trust(in target: Transfer.Target) -> Double {
    isPerfect ? 1 : target == .copy ? copyTrust.share : bufferTrust.share
  }

  // MARK: Reads

  /// Notes what happened at a die, where reads are noted.
  private mutating func note(_ kind: StagedRead.Kind, on die: Int) {
    reads?.append(StagedRead(turn: turn, die: die, kind: kind))
  }

  /// Counts a read out of the die's own HBM.
  ///
  /// - Parameter isFresh: Whether it is the first of a copy that a transfer had brought.
  mutating func countLocal(isFresh: Bool, on die: Int) {
    note(isFresh ? .onTime : .local, on: die)
    if isFresh {
      report.stagedOnTime += 1
      settleCopy(wasUsed: true, on: die)
    } else {
      report.local += 1
    }
  }

  /// How a read from elsewhere went.
  enum RemoteRead {
    /// Transfers had brought all of it.
    case onTime
    /// Transfers had brought a part; it waited so many seconds for the rest.
    case late(seconds: Double)
    /// All of it came on demand.
    case onDemand
  }

  /// Counts a read from elsewhere.
  mutating func count(_ read: RemoteRead, on die: Int) {
    switch read {
    case .onTime:
      note(.onTime, on: die)
      report.stagedOnTime += 1
    case .late(let seconds):
      note(.late, on: die)
      report.stagedLate += 1
      report.lateSeconds += seconds
    case .onDemand:
      note(.demand, on: die)
      report.demand += 1
    }
  }

  /// Counts chunks that a local read took from the staging buffer.
  mutating func countBuffered(_ chunks: Int) {
    report.bufferBytes += Double(chunks) * costs.chunkBytes
  }

  // MARK: Transfers

  /// Counts chunks that transfers have moved.
  mutating func countMoved(_ chunks: Int) {
    report.bytesMoved += Double(chunks) * costs.chunkBytes
  }

  /// Counts a transfer that ends as used or wasted, or as cancelled if it has brought nothing.
  mutating func end(_ transfer: Transfer, wasUsed: Bool) {
    if transfer.done > 0 {
      settle(transfer, wasUsed: wasUsed)
    } else {
      report.cancelled += 1
    }
  }

  /// Counts a transfer that is taken back, because the forecast changed or it costs too much.
  mutating func takeBack(_ transfer: Transfer) {
    report.cancelled += 1
    if transfer.done > 0 { settle(transfer, wasUsed: false) }
  }

  /// Counts a transfer that has moved something as used or wasted.
  mutating func settle(_ transfer: Transfer, wasUsed: Bool) {
    settle(
      transfer.target, wasUsed, bytes: Double(transfer.done) * costs.chunkBytes, on: transfer.die)
  }

  /// Counts a copy that a transfer had brought as used or wasted.
  mutating func settleCopy(wasUsed: Bool, on die: Int) {
    settle(.copy, wasUsed, bytes: costs.expert.weightBytes, on: die)
  }

  private mutating func settle(
    _ target: Transfer.Target, _ wasUsed: Bool, bytes: Double, on die: Int
  ) {
    if !wasUsed { note(.wasted, on: die) }
    if wasUsed {
      report.transfersUsed += 1
      report.bytesUsed += bytes
    } else {
      report.transfersWasted += 1
      report.bytesWasted += bytes
    }
    if target == .copy { copyTrust.add(wasUsed) } else { bufferTrust.add(wasUsed) }
  }
}
