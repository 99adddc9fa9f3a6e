import Demand
import RoutingTrace

/// Requests that arrive, wait for a slot, and go through a model together, step by step; whoever
/// times the steps is told their tokens.
///
/// A step takes one token of every request that decodes and, with what is left of its room, pieces of
/// prompts in the order of arrival.
struct ContinuousBatching {
  /// Requests under way at once, at most.
  let slots: Int
  /// Tokens of a step, at most, but for one of every request that decodes.
  let stepTokens: Int
  /// Seconds of the windows in which arrivals are gathered: those of one are let in when it ends. 0
  /// for letting each in as it comes.
  var window = 0.0

  /// One request on its way through.
  private struct Served {
    let request: Int
    let arrived: Double
    /// Tokens taken so far.
    var position = 0
    /// When its first token was out.
    var first: Double?
  }

  /// Serves all requests that arrive.
  ///
  /// - Parameters:
  ///   - seed: Of the endless, shuffled queue from which each arrival takes its request.
  ///   - seconds: What a step takes, of its tokens, its number, and when it begins.
  /// - Throws: ``Demand/SimulationError`` where nothing can be served; what `seconds` throws.
  func run(
    _ pool: RequestPool, arrivals: Arrivals, seed: UInt64,
    _ seconds: (_ tokens: [Int], _ step: Int, _ now: Double) throws(SimulationError) -> Double
  ) throws(SimulationError) -> ServingResult {
    guard slots > 0, stepTokens > 0 else {
      throw SimulationError("serving needs slots and room for tokens in a step")
    }
    guard pool.requests > 0 else { throw SimulationError("the traces hold no tokens to serve") }
    var queue = EndlessQueue(requests: pool.requests, seed: seed)
    var waiting = arrivals.seconds.makeIterator()
    var next = waiting.next().map { Served(request: queue.next(), arrived: $0) }
    var running: [Served] = []
    var result = ServingResult()
    var now = 0.0
    while next != nil || !running.isEmpty {
      if running.isEmpty, let next { now = max(now, opening(next.arrived)) }
      while running.count < slots, let coming = next, opening(coming.arrived) <= now {
        result.waited.add(now - coming.arrived)
        running.append(coming)
        next = waiting.next().map { Served(request: queue.next(), arrived: $0) }
      }
      let tokens = takeTokens(&running, pool)
      let taken = try seconds(tokens, result.steps, now)
      now += taken
      result.count(step: taken, tokens: tokens.count)
      for index in running.indices { note(&running[index], at: now, pool, in: &result) }
      running.removeAll { $0.position == pool.length($0.request) }
    }
    result.seconds = now - (arrivals.seconds.first ?? 0)
    return result
  }

  /// When a request is let in.
  private func opening(_ arrived: Double) -> Double {
    window > 0 ? ((arrived / window).rounded(.down) + 1) * window : arrived
  }

  /// Notes what a request has seen at the end of a step.
  private func note(
    _ served: inout Served, at now: Double, _ pool: RequestPool, in result: inout ServingResult
  ) {
    // A request without a prompt tells its first token by its first step.
    let untilFirst = max(pool.prompts[served.request], 1)
    guard served.position >= untilFirst else { return }
    let first = served.first ?? now
    if served.first == nil { result.timeToFirstToken.add(now - served.arrived) }
    served.first = first
    guard served.position == pool.length(served.request) else { return }
    let further = served.position - untilFirst
    if further > 0 { result.timePerToken.add((now - first) / Double(further)) }
    result.wholeTime.add(now - served.arrived)
  }

  /// The tokens of the next step, by which the requests move on.
  private func takeTokens(_ running: inout [Served], _ pool: RequestPool) -> [Int] {
    var tokens: [Int] = []
    func take(_ count: Int, of index: Int) {
      let first = pool.starts[running[index].request] + running[index].position
      tokens += first..<first + count
      running[index].position += count
    }
    /// Tokens of the prompt that are still to come.
    func left(_ index: Int) -> Int {
      pool.prompts[running[index].request] - running[index].position
    }
    for index in running.indices where left(index) <= 0 { take(1, of: index) }
    var room = max(1, stepTokens - tokens.count)
    for index in running.indices where room > 0 && left(index) > 0 {
      let count = min(left(index), room)
      take(count, of: index)
      room -= count
    }
    return tokens
  }
}
