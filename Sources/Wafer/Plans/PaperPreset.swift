/// Named sets of the choices that the paper (arXiv 2510.05497) leaves open, beside the defaults.
///
/// ```swift
/// var options = StrategyOptions()
/// PaperPreset.untuned.apply(to: &options)
/// ```
public enum PaperPreset: String, CaseIterable, Sendable {
  /// No number is tuned: every expert in a byte a weight, experts' homes dealt in turn, copies
  /// without a limit, and 12 steps of which the first 8 make the copies.
  case untuned = "P"
  /// Two numbers are tuned to come near the paper's Llama-4 with weights as they are published
  /// (bf16): blocks of 80 requests, and dies that reach .7 of their peak.
  case tuned = "N"

  /// What is chosen, and why, in a line.
  public var reason: String {
    switch self {
    case .untuned:
      "fp8, homes dealt in turn, copies without a limit, 12 steps of which 8 warm up: the paper "
        + "names no format, no limit and no warm-up, and nothing here is tuned to its results"
    case .tuned:
      "bf16, blocks of 80 requests, dies at .7 of their peak: two numbers tuned to the paper's Llama-4"
    }
  }

  /// The weights of every model.
  public var format: WeightFormat {
    switch self {
    case .untuned: .fp8
    case .tuned: .bf16
    }
  }

  /// Steps run, and those of them that are not counted; nil where the caller's own hold.
  public var steps: (all: Int, warm: Int)? {
    switch self {
    case .untuned: (12, 8)
    case .tuned: nil
    }
  }

  /// What it changes of every system, `key=value` each.
  public var overrides: [String] {
    switch self {
    case .untuned: []
    case .tuned: ["compute_efficiency=0.7"]
    }
  }

  /// Makes the preset's choices; leaves the others as they are.
  public func apply(to options: inout StrategyOptions) {
    switch self {
    case .untuned:
      options.placement = .roundRobin
      options.enforcesCapacity = false
    case .tuned:
      options.blockSize = 80
      options.allocation.blockSize = 80
    }
  }
}
