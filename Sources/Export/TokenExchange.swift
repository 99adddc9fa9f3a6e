import Demand
import RoutingTrace
import Wafer

/// The expert-parallel all-to-all of a layer of a step: how many tokens each device sends to each
/// other, and how many choices each computes.
///
/// A token lives on the device of its slot in the batch. It is sent once to each device that
/// computes some of its experts, however many; an expert that has copies is computed on the token's
/// own device where that holds it, else its holders take tokens in turn.
struct TokenExchange {
  /// Tokens by sender and receiver, `[sender * devices + receiver]`, those that stay at 0.
  private(set) var tokens: [Int]
  /// Choices that each device computes.
  private(set) var choices: [Int]

  /// - Parameters:
  ///   - step: the tokens of the step, each in its slot.
  ///   - layer: the MoE layer's ordinal.
  ///   - batch: slots there are.
  init(
    of step: [RequestsInFlight.Token], layer: Int, batch: Int, devices: Int, _ holders: Holders
  ) {
    tokens = Array(repeating: 0, count: devices * devices)
    choices = Array(repeating: 0, count: devices)
    for token in step {
      let own = token.slot * devices / batch
      var reached: Set<Int> = [own]
      for expert in token.chosen[layer] {
        let holding = holders[Int(expert)]
        let device = holding.contains(own) ? own : holding[token.slot % holding.count]
        choices[device] += 1
        guard reached.insert(device).inserted else { continue }
        tokens[own * devices + device] += 1
      }
    }
  }
}
