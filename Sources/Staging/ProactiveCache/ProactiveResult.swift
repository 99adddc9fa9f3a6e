import Wafer

/// What a run with a proactive cache yielded.
public struct ProactiveResult: Hashable, Sendable {
  /// The layers, as from ``Wafer/Simulation``; a layer lasts from its gate to the end of its last
  /// expert.
  public let simulation: SimulationResult
  /// How experts were met and what became of forecasts.
  public let report: ProactiveReport
  /// Mean seconds that a layer would take were all experts in HBM.
  public let residentLayerSeconds: Double

  /// Share of the time, that between layers included, for which computing waited for experts.
  public var loadShare: Double {
    simulation.loadShare(residentLayerSeconds: residentLayerSeconds)
  }
}

extension SimulationResult {
  /// Share of the time, that between layers included, by which layers took longer than were all experts
  /// in HBM; never below 0.
  public func loadShare(residentLayerSeconds: Double) -> Double {
    let all = meanLayerSeconds + gapSeconds
    return all > 0 ? max(0, meanLayerSeconds - residentLayerSeconds) / all : 0
  }
}
