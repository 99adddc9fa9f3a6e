/// What a trace may say of its requests, run after run and chunk after chunk; whoever reads or
/// writes one asks here.
///
/// A request's tokens go forward: no run begins before the end of the one before it, none is a
/// prompt's behind a decoded token, and none follows the request's end. A label stands once, in the
/// chunk of its request's first run. What all of it means is told in <doc:Container>.
///
/// Memory is bounded: a request of which nothing was heard while ``memory`` others were may be
/// forgotten, and its next run is then taken for its first.
struct RequestOrder {
  /// Requests that are remembered at least; twice as many at most.
  static let memory = 16_384

  /// What a request may go on with.
  private struct Entry {
    /// The least position that its next token may have.
    var next: UInt32
    var stage: Stage
    var hasEnded: Bool
  }

  /// The requests heard of last, and those before them, which are forgotten as soon as the first
  /// are ``memory``: looking one up costs the same however many there were.
  private var recent: [UInt64: Entry] = [:]
  private var earlier: [UInt64: Entry] = [:]

  /// Takes the runs and labels that come next.
  ///
  /// - Throws: ``BlockError`` naming run and request; of several runs those before the one named
  ///   are taken.
  mutating func take(_ runs: [TokenRun], labels: [RequestLabel]) throws(BlockError) {
    try check(labels, of: runs)
    for (ordinal, run) in runs.enumerated() {
      if let problem = take(run) {
        throw BlockError(run: ordinal, request: run.request, problem: problem)
      }
    }
  }

  /// Throws unless every label is of a request that begins in these runs, and stands once.
  private func check(_ labels: [RequestLabel], of runs: [TokenRun]) throws(BlockError) {
    guard !labels.isEmpty else { return }
    var unlabelled = Set(runs.map(\.request))
    for (ordinal, label) in labels.enumerated() {
      let problem: String
      if recent[label.request] != nil || earlier[label.request] != nil {
        problem = "its label comes after the chunk in which it began"
      } else if unlabelled.remove(label.request) != nil {
        continue
      } else if labels[..<ordinal].contains(where: { $0.request == label.request }) {
        problem = "it is labelled twice"
      } else {
        problem = "it is labelled where it has no run"
      }
      throw BlockError(request: label.request, problem: problem)
    }
  }

  /// Takes one run, or tells what is wrong with it.
  private mutating func take(_ run: TokenRun) -> String? {
    guard run.hasPossiblePositions else { return TokenRun.impossiblePositions }
    guard run.request < .max else { return "its number is too high" }
    guard run.count > 0 || run.endsRequest else {
      return "it holds no token and does not end the request"
    }
    let place = recent.index(forKey: run.request)
    let known = place.map { recent.values[$0] } ?? earlier[run.request]
    if let known {
      guard !known.hasEnded else { return "it comes after the request's end" }
      guard run.firstToken >= known.next else {
        return "it begins at token \(run.firstToken), before token \(known.next), where the run "
          + "before it ended"
      }
      guard run.count == 0 || run.stage.rawValue >= known.stage.rawValue else {
        return "it is prefill after a decoded token"
      }
    }
    remember(
      run.request, at: place,
      Entry(
        next: UInt32(run.firstToken + run.count),
        stage: run.count > 0 ? run.stage : known?.stage ?? .prefill, hasEnded: run.endsRequest))
    return nil
  }

  /// - Parameter place: where the request is among the recent ones.
  private mutating func remember(
    _ request: UInt64, at place: Dictionary<UInt64, Entry>.Index?, _ entry: Entry
  ) {
    if let place {
      recent.values[place] = entry
      return
    }
    if recent.count == Self.memory {
      swap(&recent, &earlier)
      recent.removeAll(keepingCapacity: true)
    }
    recent[request] = entry
  }
}

extension TokenRun {
  /// What is wrong with a run that has not ``hasPossiblePositions``.
  static let impossiblePositions = "its tokens' positions do not fit 32 bits"

  /// Whether every position in it, and the one behind it, is told in 32 bits.
  var hasPossiblePositions: Bool {
    count >= 0 && firstToken >= 0 && firstToken <= Int(UInt32.max) - count
  }
}
