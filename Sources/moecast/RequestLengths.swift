import RoutingTrace

/// How many tokens requests have, counted while a trace goes by.
///
/// Of the first requests, as many as do not matter to memory.
struct RequestLengths {
  /// Requests that are followed.
  private static let most = 1 << 20

  private var tokens: [UInt64: Int] = [:]

  /// Counts a block's tokens.
  mutating func add(_ block: TokenBlock) {
    for run in block.runs where tokens[run.request] != nil || tokens.count < Self.most {
      tokens[run.request, default: 0] += run.count
    }
  }

  /// The shortest and the longest, and between them how many there are; nil where there are none.
  var text: String? {
    let lengths = tokens.values
    guard let least = lengths.min(), let most = lengths.max() else { return nil }
    guard most > least else { return "\(counted(least, "token")) every request" }
    let bars = min(20, most - least + 1)
    var counts = [Double?](repeating: 0, count: bars)
    for length in lengths {
      let bar = (length - least) * (bars - 1) / (most - least)
      counts[bar] = (counts[bar] ?? 0) + 1
    }
    return "\(grouped(least)) \(sparkline(counts)) \(grouped(most)) tokens a request"
  }
}
