/// A part of one MoE layer's work: `die` computes `requests` requests of `expert`, whose weights it
/// reads from the memory `source`. Weights move, activations do not.
///
/// A list of tasks is a layer's plan; engines time it (``BoundEngine``, ``EventEngine``).
public struct ExpertTask: Hashable, Sendable {
  /// Number of the expert within its layer.
  public var expert: Int32
  /// The die that computes.
  public var die: Int32
  /// Requests of the expert that it computes.
  public var requests: Int32
  /// The node whose memory is read; `die` itself for a local read.
  public var source: Int32

  /// A task of these values.
  public init(expert: Int, die: Int, requests: Int, source: Int) {
    self.expert = Int32(expert)
    self.die = Int32(die)
    self.requests = Int32(requests)
    self.source = Int32(source)
  }
}

extension [ExpertTask] {
  /// Sets every task's source: its own die if that holds the expert, else the home, or the nearest
  /// holder (lowest number on ties) where `nearest`.
  package mutating func setSources(_ holders: Holders, nearest: Bool, on fabric: Fabric) {
    for index in indices {
      let holding = holders[Int(self[index].expert)]
      let die = Int(self[index].die)
      if holding.contains(die) {
        self[index].source = Int32(die)
      } else if nearest {
        self[index].source = Int32(fabric.nearest(of: holding, to: die) ?? die)
      } else {
        self[index].source = Int32(holding[0])
      }
    }
  }
}
