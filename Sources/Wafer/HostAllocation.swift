/// What it costs to plan on the host's CPU instead of on the wafer (the paper's figure 15).
///
/// Every layer, the wafer sends each expert's request count up over PCIe, the host runs Algorithm 1
/// and sends the tasks down; nothing runs meanwhile. The paper does not give its model; the default
/// round trip is what two small PCIe transfers and a kernel launch take.
public struct HostAllocation: Hashable, Sendable {
  /// Seconds up and down without any bytes.
  public var roundTripSeconds = 10e-6
  /// Bytes a second between host and wafer.
  public var bytesPerSecond = 55e9
  /// Bytes of one expert's request count on its way up.
  public var bytesPerCount = 4.0
  /// Bytes of one task on its way down.
  public var bytesPerTask = 12.0
  /// Seconds of the CPU for each task that it makes.
  public var secondsPerTask = 20e-9

  /// The default figures, which are estimates.
  public init() {}

  /// Seconds added to a layer of `experts` experts planned as `tasks` tasks (a mean, so not whole).
  public func seconds(experts: Int, tasks: Double) -> Double {
    roundTripSeconds + (Double(experts) * bytesPerCount + tasks * bytesPerTask) / bytesPerSecond
      + tasks * secondsPerTask
  }
}
