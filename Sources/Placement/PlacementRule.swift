import Wafer

/// The algorithms that place experts, by their names on the command line.
public enum PlacementRule: String, CaseIterable, Sendable {
  /// ``Contiguous``.
  case contiguous
  /// ``RoundRobin``.
  case roundRobin = "round-robin"
  /// ``EPLB``.
  case eplb
  /// ``Remap``.
  case remap
  /// ``Dup``.
  case dup
  /// ``Greedy``.
  case greedy
  /// ``Separation``.
  case separation
  /// ``Locality``.
  case locality
  /// ``Worst``.
  case worst

  /// What an algorithm asks for beside the loads of experts.
  public enum Need: Hashable, Sendable {
    /// ``PlacementEvidence/pairs``.
    case pairs
    /// ``PlacementEvidence/successions``.
    case successions
    /// ``PlacementOptions/time``.
    case time
    /// ``PlacementOptions/tolerance``.
    case tolerance
    /// ``PlacementOptions/groups``.
    case groups
  }

  /// What it does, in a line for `--help`.
  public var summary: String {
    switch self {
    case .contiguous: "neighbours in number share a GPU, as engines place unless told"
    case .roundRobin: "experts dealt to the GPUs in turn"
    case .eplb: "DeepSeek's balancer: copies for the most loaded, then packs of equal load"
    case .remap: "the paper's: by descending cost, each to the GPU with the least so far"
    case .dup:
      "the paper's: contiguous, redundant slots to the copies that help the fullest GPU most"
    case .greedy: "copies and packs by load alone, no expert twice on a GPU"
    case .separation: "experts chosen together on different GPUs, loads within a tolerance"
    case .locality: "few changes of GPU from layer to layer, loads within a tolerance"
    case .worst: "an adversary: the most loaded experts together"
    }
  }

  /// What it asks for beside loads.
  public var needs: Set<Need> {
    switch self {
    case .contiguous, .roundRobin, .greedy, .worst: []
    case .eplb: [.groups]
    case .remap, .dup: [.time]
    case .separation: [.pairs, .tolerance]
    case .locality: [.successions, .tolerance]
    }
  }

  /// Whether it has a use for redundant slots; else it refuses them.
  public var takesRedundantSlots: Bool {
    switch self {
    case .remap, .separation, .locality: false
    case .contiguous, .roundRobin, .eplb, .dup, .greedy, .worst: true
    }
  }

  /// The algorithm.
  ///
  /// - Throws: ``PlacementError`` where options lack what it needs.
  public func algorithm(
    _ options: PlacementOptions = PlacementOptions()
  ) throws(PlacementError) -> any PlacementAlgorithm {
    switch self {
    case .contiguous: return Contiguous()
    case .roundRobin: return RoundRobin()
    case .eplb: return EPLB(groups: options.groups)
    case .remap: return Remap(try time(options))
    case .dup: return Dup(try time(options))
    case .greedy: return Greedy()
    case .separation: return Separation(tolerance: options.tolerance)
    case .locality: return Locality(tolerance: options.tolerance)
    case .worst: return Worst()
    }
  }

  private func time(_ options: PlacementOptions) throws(PlacementError) -> ExpertTime {
    guard let time = options.time else {
      throw PlacementError(
        "\(rawValue) needs to know what an expert costs", remedy: "name the model and the system")
    }
    return time
  }
}

/// What algorithms are told beside evidence and layout; see ``PlacementRule/needs``.
public struct PlacementOptions: Sendable {
  /// What an expert costs a GPU.
  public var time: ExpertTime?
  /// Groups of experts of the model's router.
  public var groups = 1
  /// The part of the mean load that a GPU may have above it for the sake of something else.
  public var tolerance = 0.1

  /// Nothing but the defaults.
  public init() {}
}
