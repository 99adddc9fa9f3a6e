/// How often transfers of one class proved right, as a share; begins at one half.
struct TransferTrust: Sendable {
  private var used = 0
  private var wasted = 0

  mutating func add(_ isUsed: Bool) {
    if isUsed { used += 1 } else { wasted += 1 }
  }

  var share: Double { Double(used + 1) / Double(used + wasted + 2) }
}
