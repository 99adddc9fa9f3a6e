/// What a cache of experts does when a layer asks for experts that it lacks, and before.
///
/// ProMoE (arXiv 2410.22134) is ``proMoE``; what is reactive asks for an expert when its turn to be
/// computed comes. Each rule can be left out alone.
public struct ProactiveRules: Hashable, Sendable {
  /// Whether what a layer has used stays for its next turn, until the least recently used makes room.
  /// Off, everything is brought every time.
  public var keeps = true
  /// Layers ahead for which a forecast is asked; at the end of a step, layers of the next one.
  public var stride = 1
  /// Whether the gate asks at once for all experts that are not whole, those of most ready chunks
  /// first. Off, an expert is asked for when its turn to be computed comes.
  public var asksAtGate = true
  /// Whether experts are computed in the order in which they become ready. Off, by their numbers.
  public var reorders = true

  /// All of ProMoE's rules.
  public static let proMoE = ProactiveRules()

  /// A reactive cache: per layer the least recently used makes room, and whoever is missed is brought
  /// when its turn to be computed comes.
  public static var leastRecent: ProactiveRules {
    var rules = ProactiveRules()
    (rules.asksAtGate, rules.reorders) = (false, false)
    return rules
  }

  /// Offloading: reactive, and nothing is kept.
  public static var onDemand: ProactiveRules {
    var rules = leastRecent
    rules.keeps = false
    return rules
  }

  /// All of ProMoE's rules, one layer ahead.
  public init() {}
}
