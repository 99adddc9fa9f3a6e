import Wafer

/// How long a GPU takes for an expert: the roofline of its arithmetic and of its memory.
///
/// ```swift
/// let time = ExpertTime(ExpertCost(shape: model, format: .bf16), on: hardware, share: 64 / tokens)
/// let slots = try Remap(time).place(evidence, on: layout)
/// ```
public struct ExpertTime: Hashable, Sendable {
  /// Seconds to read the weights.
  private let weightSeconds: Double
  /// Seconds a request takes of the memory, and of the arithmetic units.
  private let memorySeconds: Double
  private let computeSeconds: Double
  /// The share of the counted requests that are computed together.
  private let share: Double

  /// The time of an expert on a GPU of a system.
  ///
  /// - Parameter share: The part of the evidence's requests that one batch has, above 0: a batch of 64
  ///   of 6,400 counted tokens has 0.01. What an expert's weights cost to read hides differences of
  ///   load in small batches, and is nothing in large ones.
  public init(_ expert: ExpertCost, on system: Hardware, share: Double = 1) {
    weightSeconds = expert.weightBytes / system.hbmBandwidth
    memorySeconds = expert.activationBytesPerRequest / system.hbmBandwidth
    computeSeconds = expert.flopsPerRequest / (system.computeFlops * system.computeEfficiency)
    self.share = share
  }

  /// Seconds for so many of the counted requests: the longer of arithmetic, `r F / flops`, and memory,
  /// `(W + r A) / bandwidth`; none for none.
  public func seconds(requests: Double) -> Double {
    guard requests > 0 else { return 0 }
    let batch = requests * share
    return max(batch * computeSeconds, weightSeconds + batch * memorySeconds)
  }
}
