/// The GPUs that share a layer's experts, and the slots that each of them has for experts.
public struct DeviceLayout: Hashable, Sendable {
  /// GPUs (G).
  public let gpus: Int
  /// Nodes that the GPUs are shared by, neighbours in number together.
  public let nodes: Int
  /// Slots of a layer on all GPUs (P = E + redundant ones), the same number on each.
  public let slots: Int

  /// The layout of a model's layers.
  ///
  /// - Parameters:
  ///   - experts: Experts of a layer (E).
  ///   - redundant: Slots of a layer beyond one for each expert, over all GPUs.
  /// - Throws: ``PlacementError`` where GPUs, nodes or slots cannot be shared evenly.
  public init(
    experts: Int, gpus: Int, nodes: Int = 1, redundant: Int = 0
  ) throws(PlacementError) {
    guard experts > 0, gpus > 0, nodes > 0, redundant >= 0 else {
      throw PlacementError(
        "\(experts) experts on \(gpus) GPUs of \(nodes) nodes with \(redundant) redundant slots: an "
          + "expert, a GPU and a node at least", remedy: "give numbers from 1 on, 0 redundant ones")
    }
    guard gpus % nodes == 0 else {
      throw PlacementError(
        "\(gpus) GPUs are not shared evenly by \(nodes) nodes",
        remedy: "give a number of nodes that divides that of the GPUs")
    }
    let (slots, overflow) = experts.addingReportingOverflow(redundant)
    guard !overflow, slots <= Self.mostSlots else {
      throw PlacementError(
        "\(redundant) redundant slots are too many", remedy: "give fewer than \(Self.mostSlots)")
    }
    guard slots % gpus == 0 else {
      let missing = gpus - slots % gpus
      throw PlacementError(
        "\(experts) experts and \(redundant) redundant slots are not shared evenly by \(gpus) GPUs",
        remedy: "give \(redundant + missing) redundant slots")
    }
    guard redundant <= experts * (gpus - 1) else {
      throw PlacementError(
        "\(redundant) redundant slots are more than every expert on every GPU",
        remedy: "give at most \(experts * (gpus - 1))")
    }
    (self.gpus, self.nodes, self.slots) = (gpus, nodes, slots)
  }

  /// Slots that a layer may have.
  private static let mostSlots = 1 << 20

  /// Slots of a layer on every GPU.
  public var slotsPerGPU: Int { slots / gpus }

  /// GPUs of a node.
  public var gpusPerNode: Int { gpus / nodes }
}

/// Why experts cannot be placed as asked.
public struct PlacementError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong, as a clause for messages.
  public let problem: String
  /// What the user can do.
  public let remedy: String

  /// An error of a problem and what helps against it.
  public init(_ problem: String, remedy: String) {
    (self.problem, self.remedy) = (problem, remedy)
  }

  /// One line for people.
  public var description: String { "\(problem); \(remedy)" }
}
