import Wafer

/// What a staged run yielded.
public struct StagingResult: Hashable, Sendable {
  /// The layers, as from ``Wafer/Simulation``.
  public let simulation: SimulationResult
  /// How reads were met and what became of transfers.
  public let staging: StagingReport
  /// How each read was met and which transfers were wasted, in their order; empty unless
  /// ``StagingSimulation/notesReads`` asks for it.
  public let reads: [StagedRead]

  /// How much longer this run took than a bound's, as a share of the bound's time.
  public func regret(against bound: StagingResult) -> Double {
    simulation.meanLayerSeconds / bound.simulation.meanLayerSeconds - 1
  }
}
