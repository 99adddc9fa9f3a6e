import Foundation
import Placement
import TestSupport
import Testing

/// `simulate --placement FILE` with every format of engines.
@Suite struct SimulatePlacementTests {
  private static let base = [
    "simulate", Program.test, "--wafer", "nvlink-8", "--strategy", "ep", "--batch", "64",
  ]

  /// Twelve layers of 64 experts on eight GPUs, the busiest of this trace by no means apart.
  private func placed(gpus: Int = 8) throws -> PlacedModel {
    let layout = try DeviceLayout(experts: 64, gpus: gpus, redundant: gpus)
    let slots = (0..<12).map { layer in (0..<64 + gpus).map { ($0 * 7 + layer) % 64 } }
    let map = try SlotMap(layout: layout, experts: 64, slots: slots)
    return try PlacedModel(
      map, moeLayers: Array(0..<12), loads: slots.map { $0.prefix(64).map(Double.init) })
  }

  @Test func everyFormatOfOnePlacementIsTheSameRun() throws {
    let folder = try TemporaryFolder()
    let placed = try placed()
    var printed: Set<String> = []
    for format in PlacementFormats.all where format.name != "ktransformers" {
      let path = try folder.write(try format.bytes(of: placed), to: "p" + format.suffix)
      printed.insert(try Program.text(Self.base + ["--placement", path, "--json"]))
    }
    #expect(printed.count == 1)
    #expect(printed != [try Program.text(Self.base + ["--json"])])
  }

  @Test func loadsArePlacedByTheBalancer() throws {
    let folder = try TemporaryFolder()
    let format = try #require(PlacementFormats.named("ktransformers"))
    let placed = try placed()
    let counts = try folder.write(try format.bytes(of: placed), to: "counts.pt")
    let layout = try DeviceLayout(experts: 64, gpus: 8)
    let map = try EPLB().place(
      try PlacementEvidence(loads: try #require(placed.loads)), on: layout)
    let json = try #require(PlacementFormats.named("sglang-json"))
    let slots = try folder.write(
      try json.bytes(of: try PlacedModel(map, moeLayers: placed.moeLayers)), to: "p.json")
    #expect(
      try Program.text(Self.base + ["--placement", counts, "--json"])
        == Program.text(Self.base + ["--placement", slots, "--json"]))
  }

  @Test func aPlacementOfOtherDevicesIsNamed() throws {
    let folder = try TemporaryFolder()
    let format = try #require(PlacementFormats.named("vllm-ascend"))
    let path = try folder.write(try format.bytes(of: try placed(gpus: 4)), to: "p.json")
    let error = #expect(throws: CommandError.self) {
      try Program.text(Self.base + ["--placement", path])
    }
    #expect(
      error?.description.contains(
        "p.json, layer 0: it places on 4 devices, but nvlink-8 has 8 dies; name a system of as many"
      )
        == true)
  }
}
