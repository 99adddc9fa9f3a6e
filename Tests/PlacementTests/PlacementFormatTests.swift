import Archive
import Foundation
import RoutingTrace
import TestSupport
import Testing
import Wafer

@testable import Placement

/// What is written for engines: read again, and held against files that they take.
@Suite struct PlacementFormatTests {
  @Test(arguments: PlacementFormats.all.map { $0.name }) func whatIsWrittenIsRead(
    name: String
  ) throws {
    let format = try #require(PlacementFormats.named(name))
    let placed = try PlacedModel.sample()
    let bytes = try format.bytes(of: placed)
    #expect(bytes == (try format.bytes(of: placed)))
    let file = try PlacementFile(bytes: bytes, from: "p")
    guard name != KTransformersTorch.name else {
      #expect(
        file.content
          == .counts([
            [0, 0, 0, 0], [5, 7, 1, 9], [0, 0, 0, 0], [1, 3, 0, 4], [0, 0, 0, 0],
          ]))
      return
    }
    #expect(try file.map(modelLayers: [1, 3], experts: 4, gpus: 2) == placed.map)
    // Written again from what was read, it is the same.
    let again = try PlacedModel(
      try file.map(modelLayers: [1, 3], experts: 4, gpus: 2), moeLayers: [1, 3], layers: 5)
    #expect(try format.bytes(of: again) == bytes)
  }

  @Test func denseLayersAreAsNobodyPlacedThem() throws {
    let file = try PlacementFile(bytes: SGLangJSON.bytes(of: PlacedModel.sample()), from: "p")
    let trivial = [0, 1, 2, 3, 0, 1]
    #expect(
      file.content
        == .slots(
          [trivial, [3, 1, 0, 2, 3, 1], trivial, [0, 1, 2, 0, 3, 0], trivial], layers: .inOrder))
  }

  @Test func loadsAreNeededForLoads() throws {
    let placed = try PlacedModel.sample()
    let without = try PlacedModel(placed.map, moeLayers: [1, 3])
    #expect(without.layers == 4)
    #expect(
      throws: PlacementError(
        "ktransformers holds the loads of experts, which are not known",
        remedy: "place from a trace, a load profile or a model")
    ) { try KTransformersTorch.bytes(of: without) }
  }

  @Test(arguments: [[1], [3, 1], [-1, 2], [1, 5]]) func layersAreThoseOfTheModel(
    _ layers: [Int]
  ) throws {
    let map = try PlacedModel.sample().map
    #expect(throws: PlacementError.self) {
      try PlacedModel(map, moeLayers: layers, layers: 5)
    }
  }

  @Test func listsOfYAMLMayTakeLines() throws {
    let text = """
      # as PyYAML writes them by default
      initial_global_assignments:
        1:
        - 3
        - 1  # a comment
        - 0
        - 2
        3: [0, 1,
            2, 3]
      layer_updates_per_iter: 0

      num_slots: 4
      """
    let file = try PlacementFile(bytes: Array(text.utf8), from: "p.yaml")
    #expect(
      file.content == .slots([[3, 1, 0, 2], [0, 1, 2, 3]], layers: .named([1, 3])))
  }

  private static let folder = SharedData.path + "/formats/placements/"

  /// Files made for eight GPUs, 64 experts and nine slots each: all tell of the same placement, and
  /// what is written from any is equal in structure and value to each.
  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
  func samplesAreReadAndWritten() throws {
    let samples: [(file: String, format: any PlacementFormat.Type)] = [
      ("sglang_init_expert_location.json", SGLangJSON.self),
      ("sglang_init_expert_location.pt", SGLangTorch.self),
      ("vllm_ascend_expert_map.json", VLLMAscendJSON.self),
      ("trtllm_moe_load_balancer.yaml", TensorRTYAML.self),
    ]
    var maps: Set<SlotMap> = []
    for (name, format) in samples {
      let file = try PlacementFile(file: Self.folder + name)
      let map = try file.map(modelLayers: [1, 2, 3], experts: 64, gpus: 8)
      maps.insert(map)
      let bytes = try format.bytes(of: try PlacedModel(map, moeLayers: [1, 2, 3]))
      #expect(try PlacementFile(bytes: bytes, from: name).content == file.content)
      if name.hasSuffix(".json") {
        #expect(try json(bytes).isEqual(try json(Array(try Data(contentsOf: url(name))))))
      }
      if name.hasSuffix(".yaml") { #expect(bytes == Array(try Data(contentsOf: url(name)))) }
    }
    #expect(maps.count == 1)
    #expect(maps.first?.holders(layer: 0)[4] == [0])
    #expect((maps.first?.holders(layer: 0)[6].count ?? 0) > 1)
  }

  /// The counts from which that placement was made.
  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
  func sampleOfCountsIsPlaced() throws {
    let file = try PlacementFile(file: Self.folder + "sglang_logical_count.json")
    let map = try file.map(modelLayers: [1, 2, 3], experts: 64, gpus: 8)
    guard case .counts(let counts) = file.content else {
      Issue.record("it holds counts")
      return
    }
    let evidence = try PlacementEvidence(loads: Array(counts[1...]))
    #expect(map == (try EPLB().place(evidence, on: try DeviceLayout(experts: 64, gpus: 8))))
    // With eight redundant slots, the balancer gives the other samples' slots.
    let layout = try DeviceLayout(experts: 64, gpus: 8, redundant: 8)
    let sample = try PlacementFile(file: Self.folder + "sglang_init_expert_location.json")
    #expect(
      try EPLB().place(evidence, on: layout)
        == sample.map(modelLayers: [1, 2, 3], experts: 64, gpus: 8))
  }

  private func url(_ name: String) -> URL { URL(filePath: Self.folder + name) }

  private func json(_ bytes: [UInt8]) throws -> NSDictionary {
    try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? NSDictionary)
  }
}
