import RoutingTrace

/// How the activations of requests travel between dies; weights' own traffic is beside it.
public struct ActivationOptions: Hashable, Sendable {
  /// Which links a token's activations cross.
  public enum Ways: String, CaseIterable, Sendable {
    /// None: activations take no time on links, the reference's reading of the paper.
    case none
    /// One way for every expert of every token, there and back.
    case unicast
    /// Each link of a token's ways once: dies that pass a token on keep it, and add up what comes
    /// back.
    case multicast
  }

  /// Which links they cross.
  public var ways = Ways.none
  /// Bytes a number on the way to the experts.
  public var dispatchBytes = 2.0
  /// Bytes a number on the way back.
  public var combineBytes = 2.0

  /// No traffic; 16-bit numbers where there is any.
  public init() {}

  /// What keeps them from being simulated, in words for the user; nil for nothing.
  package var problem: String? {
    guard (0...64).contains(dispatchBytes), (0...64).contains(combineBytes) else {
      return "a number of an activation has from 0 to 64 bytes"
    }
    return nil
  }
}

/// Bytes that activations move over every link in one layer: tokens' hidden vectors to the dies
/// that compute their experts (dispatch), and as much back (combine).
///
/// The token of slot t has its home on die t mod D, the rest of the model's layers being computed by
/// all dies alike. An expert that several dies compute gives each as many tokens as its task says,
/// slot by slot in the plan's order.
struct ActivationTraffic {
  /// Bytes by link.
  private(set) var dispatch: [Double]
  private(set) var combine: [Double]
  /// Seconds of the longest way's latency, there and back.
  private(set) var latency = 0.0

  /// - Parameters:
  ///   - chosen: The experts of every slot, `slots * topK` ids; ids beyond the experts are empty
  ///     places.
  ///   - hidden: Numbers of a token's vector (h).
  /// - Complexity: O(slots * topK * hops).
  init(
    of plan: [ExpertTask], experts: Int, chosen: [UInt16], topK: Int, hidden: Int,
    _ options: ActivationOptions, on fabric: Fabric
  ) {
    dispatch = Array(repeating: 0, count: fabric.links)
    combine = dispatch
    var tasks: [[(die: Int, left: Int)]] = Array(repeating: [], count: experts)
    for task in plan.reversed() {
      tasks[Int(task.expert)].append((Int(task.die), Int(task.requests)))
    }
    let there = Double(hidden) * options.dispatchBytes
    let back = Double(hidden) * options.combineBytes
    let isShared = options.ways == .multicast
    // The last token that crossed each link, each way.
    var crossed = [Array(repeating: -1, count: fabric.links)]
    crossed.append(crossed[0])
    for slot in 0..<chosen.count / topK {
      let home = slot % fabric.dies
      for expert in chosen[slot * topK..<(slot + 1) * topK] where Int(expert) < experts {
        guard let die = Self.take(from: &tasks[Int(expert)]), die != home else { continue }
        latency = max(
          latency,
          fabric.wayLatency(from: home, to: die) + fabric.wayLatency(from: die, to: home))
        for link in fabric.way(from: home, to: die)
        where !isShared || crossed[0][Int(link)] != slot {
          crossed[0][Int(link)] = slot
          dispatch[Int(link)] += there
        }
        for link in fabric.way(from: die, to: home)
        where !isShared || crossed[1][Int(link)] != slot {
          crossed[1][Int(link)] = slot
          combine[Int(link)] += back
        }
      }
    }
  }

  /// The die of an expert's next request; nil where the plan has none.
  private static func take(from tasks: inout [(die: Int, left: Int)]) -> Int? {
    guard let task = tasks.last else { return nil }
    tasks[tasks.count - 1].left -= 1
    if task.left <= 1 { tasks.removeLast() }
    return task.die
  }

  /// Seconds of the busiest link for bytes by link.
  static func busiest(_ bytes: [Double], on fabric: Fabric) -> Double {
    zip(bytes, fabric.linkBandwidth).reduce(0) { max($0, $1.0 / $1.1) }
  }
}
