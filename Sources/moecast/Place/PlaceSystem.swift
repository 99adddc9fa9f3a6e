import ArgumentParser
import Placement
import RoutingTrace
import Wafer

/// The GPUs, what they are, and what goes on between them.
struct PlaceSystem: ParsableArguments {
  @Option(
    help: ArgumentHelp("GPUs that share the experts; default: the system's.", valueName: "count"))
  var gpus: Int?

  @Option(
    help: ArgumentHelp(
      "Nodes that the GPUs are shared by; default: the domains of the system.", valueName: "count"))
  var nodes: Int?

  @Option(
    help: ArgumentHelp(
      "Slots of a layer beyond one an expert, over all GPUs; default: 0.", valueName: "slots"))
  var redundant: Int?

  @Option(
    help: ArgumentHelp(
      """
      The system; default: nvlink-8 with as many GPUs as --gpus says, where there are nodes 50 GB/s \
      a GPU between them.
      """, valueName: "name"))
  var wafer: String?

  @OptionGroup var model: ModelOnSystems

  @Option(
    help: ArgumentHelp(
      """
      Which copy of an expert computes a token: even, in turn as the paper splits them, or nearest, \
      of the token's own GPU, else node, else any. Default: even.
      """, valueName: "rule"))
  var copies: CopyRule?

  @Option(
    help: ArgumentHelp("Bytes a number on the way to experts; default: 2.", valueName: "bytes"))
  var dispatchBytes: Double?

  @Option(help: ArgumentHelp("Bytes a number on the way back; default: 2.", valueName: "bytes"))
  var combineBytes: Double?

  func validate() throws {
    guard [dispatchBytes, combineBytes].allSatisfy({ (0...64).contains($0 ?? 0) }) else {
      throw ValidationError("--dispatch-bytes and --combine-bytes are from 0 to 64")
    }
    guard (1...4096).contains(gpus ?? 1), (1...4096).contains(nodes ?? 1), redundant ?? 0 >= 0
    else {
      throw ValidationError(
        "--gpus and --nodes are from 1 to 4,096, --redundant is at least 0")
    }
    try refuse(
      [("--copies", copies != nil)], unless: redundant ?? 0 > 0,
      "without --redundant no expert has copies")
  }

  /// The system with as many GPUs as are asked for.
  ///
  /// - Throws: `HardwareError`; `PlacementError` where it has another number.
  func hardware() throws -> Hardware {
    var overrides: [String] = []
    if wafer == nil, let gpus {
      let nodes = nodes ?? 1
      overrides = ["columns=\(gpus / nodes)", "rows=\(nodes)"]
      if nodes > 1 {
        overrides += [
          "topology=two_level", "scale_out_bandwidth_bytes_per_second=50e9",
          "scale_out_latency_seconds=1e-6", "scale_out_picojoules_per_bit=15",
        ]
      }
      if gpus % nodes != 0 { _ = try DeviceLayout(experts: gpus, gpus: gpus, nodes: nodes) }
    }
    let system = try systems(
      wafer ?? "nvlink-8", overrides: overrides + model.overrides.set,
      strict: model.overrides.strict)[0].hardware
    guard gpus ?? system.dies == system.dies else {
      throw ValidationError(
        "--gpus: \(system.name) has \(system.dies) GPUs, not \(gpus ?? 0); change it (--set"
          + " columns=..., --set rows=...), or leave --gpus out")
    }
    return system
  }

  /// The judge of placements on that system.
  func judge(_ hardware: Hardware, _ shape: ModelShape) -> PlacementJudge {
    var judge = PlacementJudge(hardware, model: shape, format: model.weights ?? .bf16)
    judge.copies = copies ?? .even
    if let dispatchBytes { judge.dispatchBytes = dispatchBytes }
    if let combineBytes { judge.combineBytes = combineBytes }
    return judge
  }

  /// The domains of a system of two levels are its nodes.
  private func domains(of hardware: Hardware) -> Int {
    hardware.topology == .twoLevel ? hardware.rows : 1
  }

  /// - Parameter redundant: Whether there may be redundant slots.
  func layout(_ hardware: Hardware, experts: Int, redundant isRedundant: Bool) throws
    -> DeviceLayout
  {
    try DeviceLayout(
      experts: experts, gpus: hardware.dies, nodes: nodes ?? domains(of: hardware),
      redundant: isRedundant ? redundant ?? 0 : 0)
  }
}

extension CopyRule: ExpressibleByArgument {}
