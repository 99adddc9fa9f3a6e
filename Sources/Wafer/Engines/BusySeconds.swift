/// What a layer, or a run, waited for: the busiest kind of resource, or latencies where none was busy
/// for half of the time.
public enum Bottleneck: String, CaseIterable, Codable, Sendable {
  /// The busiest die's compute.
  case compute
  /// The busiest memory.
  case memory
  /// The busiest link.
  case link
  /// None of these: the time from asking to having.
  case latency
}

/// How long every resource of a system was busy, in seconds.
public struct BusySeconds: Hashable, Sendable {
  /// By die.
  public package(set) var compute: [Double]
  /// By node.
  public package(set) var memory: [Double]
  /// By link, numbered as ``Fabric/linkEnds``.
  public package(set) var link: [Double]

  /// Adds those of another layer on the same system.
  mutating func add(_ other: BusySeconds) {
    func add(_ values: [Double], to sums: inout [Double]) {
      if sums.isEmpty { sums = Array(repeating: 0, count: values.count) }
      for (index, value) in values.enumerated() { sums[index] += value }
    }
    add(other.compute, to: &compute)
    add(other.memory, to: &memory)
    add(other.link, to: &link)
  }

  /// The same divided by a number of layers.
  func divided(by count: Double) -> BusySeconds {
    BusySeconds(
      compute: compute.map { $0 / count }, memory: memory.map { $0 / count },
      link: link.map { $0 / count })
  }

  /// None, on a system yet to be told.
  package static let none = BusySeconds(compute: [], memory: [], link: [])
}
