/// What is known of the experts' use when they are placed: counted, or expected by a forecast.
public struct PlacementEvidence: Sendable {
  /// By layer and expert: requests, counted or expected.
  public let loads: [[Double]]
  /// By layer: `[E, E]`, tokens that chose both experts; symmetric. Nil where nobody counted.
  public var pairs: [[Double]]?
  /// By layer but the last: `[E, E]`, tokens that chose one expert there and the other at the next
  /// layer. Nil where nobody counted.
  public var successions: [[Double]]?

  /// Evidence of loads alone.
  ///
  /// - Throws: ``PlacementError`` where there is no layer, layers differ in experts, or a load is no
  ///   number from 0 on.
  public init(loads: [[Double]]) throws(PlacementError) {
    guard let experts = loads.first?.count, experts > 0,
      loads.allSatisfy({ $0.count == experts })
    else {
      throw PlacementError(
        "there are no loads, or not of all experts of every layer", remedy: "give all of them")
    }
    guard loads.allSatisfy({ $0.allSatisfy { $0 >= 0 && $0 < .infinity } }) else {
      throw PlacementError(
        "loads are numbers from 0 on", remedy: "give how often experts were chosen")
    }
    self.loads = loads
  }

  /// Layers that are placed.
  public var layers: Int { loads.count }
  /// Experts of a layer (E).
  public var experts: Int { loads[0].count }
}
