import Foundation
import RoutingTrace
import TestSupport
import Testing
import WaferSamples

@testable import Wafer

/// Placements as engines write them.
struct PlacementFileTests {
  private func fabric(dies: Int) -> Fabric {
    var hardware = Hardware()
    (hardware.name, hardware.columns, hardware.rows) = ("row", dies, 1)
    return Fabric(hardware)
  }

  private func file(_ json: String) throws -> PlacementFile {
    try PlacementFile(json: Array(json.utf8), from: "p.json")
  }

  @Test func slotsAreSharedByTheDies() throws {
    let file = try file(#"{"physical_to_logical_map": [[0, 2, 1, 0], [2, 1, 0, 0]]}"#)
    let placement = try file.placement(modelLayers: [3, 5], experts: 3, on: fabric(dies: 2))
    #expect(placement.layers == [Holders([[0, 1], [1], [0]]), Holders([[1], [0], [0]])])
    // A file of all layers is read by the model's numbers.
    let own = try file.placement(modelLayers: [1], experts: 3, on: fabric(dies: 2))
    #expect(own.layers == [Holders([[1], [0], [0]])])
  }

  @Test func devicesAreDies() throws {
    let file = try file(
      """
      {"moe_layer_count": 1, "layer_list": [{"layer_id": 0, "device_count": 2, "device_list": [
        {"device_id": 1, "device_expert": [1]}, {"device_id": 0, "device_expert": [0, 2]}]}]}
      """)
    let placement = try file.placement(modelLayers: [4], experts: 3, on: fabric(dies: 2))
    #expect(placement.layers == [Holders([[0], [1], [0]])])
  }

  @Test(arguments: [
    (
      #"{"physical_to_logical_map": [[0, 1, 2]]}"#, "p.json, layer 7: 3 slots are not shared evenly"
    ),
    (#"{"physical_to_logical_map": [[0, 1]]}"#, "p.json, layer 7: expert 2 lies nowhere"),
    (#"{"physical_to_logical_map": [[0, 1, 2, 3]]}"#, "p.json, layer 7: expert 3 is none of"),
    (#"{"physical_to_logical_map": [[0, -1, 2, 1]]}"#, "p.json, layer 7: expert -1 is none of"),
    (#"{"physical_to_logical_map": []}"#, "p.json: it places 0 layers, none of them layer 7"),
    (
      #"{"layer_list": [{"layer_id": 0, "device_list": []}]}"#,
      "it places on 0 devices, but row has 2"
    ),
    ("{}", "p.json: it has neither physical_to_logical_map nor layer_list"),
    ("[1", "p.json: it is no placement"),
    (#"{"physical_to_logical_map": 4}"#, "it is no placement"),
  ]) func faultsAreNamed(json: String, message: String) {
    let error = #expect(throws: HardwareError.self) {
      try file(json).placement(modelLayers: [7], experts: 3, on: fabric(dies: 2))
    }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  /// The engines' own files, made for eight devices, 64 experts and nine slots each.
  @Test(
    .enabled(if: SharedData.isPresent, "../shared is absent"),
    arguments: [
      ("sglang_init_expert_location.json", [1, 2, 3]), ("vllm_ascend_expert_map.json", [1, 2, 3]),
    ]) func enginesFilesAreRead(name: String, layers: [Int]) throws
  {
    let file = try PlacementFile(file: SharedData.path + "/formats/placements/" + name)
    let placement = try file.placement(modelLayers: layers, experts: 64, on: fabric(dies: 8))
    #expect(placement.layers.count == 3)
    // Both tell of the same placement; expert 6 has copies.
    #expect(placement.layers[0][4] == [0] && placement.layers[0][6].count > 1)
    #expect(placement.problem(layers: 3, experts: 64, on: fabric(dies: 8)) == nil)
  }
}
