import Foundation
import RoutingTrace
import TestSupport
import Testing
import Wafer
import WaferSamples

@testable import Placement

/// What files of engines say, held against models and systems.
@Suite struct PlacementFileTests {
  private func fabric(dies: Int) -> Fabric {
    var hardware = Hardware()
    (hardware.name, hardware.columns, hardware.rows) = ("row", dies, 1)
    return Fabric(hardware)
  }

  private func file(_ text: String) throws -> PlacementFile {
    try PlacementFile(bytes: Array(text.utf8), from: "p.json")
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
    // One device has an expert more: dies may, slots of GPUs may not.
    let error = #expect(throws: PlacementError.self) {
      try file.map(modelLayers: [4], experts: 3, gpus: 2)
    }
    #expect(error?.description.contains("layer 4: GPU 0 has 2 slots of 3, which are not") == true)
  }

  @Test func countsArePlacedByTheBalancer() throws {
    // Steps add up to 5, 3, 4, 0; the balancer has 5 and 0, 4 and 3 together.
    let file = try file(
      #"{"logical_count": [[[0, 0, 0, 0], [3, 1, 4, 0]], [[0, 0, 0, 0], [2, 2, 0, 0]]]}"#)
    let placement = try file.placement(modelLayers: [1], experts: 4, on: fabric(dies: 2))
    #expect(placement.layers == [Holders([[0], [1], [1], [0]])])
    let once = try self.file(#"{"logical_count": [[5, 3, 4, 0]]}"#)
    #expect(
      try once.placement(modelLayers: [1], experts: 4, on: fabric(dies: 2)).layers
        == placement.layers)
  }

  /// A GPU may hold an expert in two slots, as DeepSeek's balancer has it, where no other is missing.
  @Test func expertsTwiceOnADeviceAreCounted() throws {
    let file = try file(#"{"physical_to_logical_map": [[0, 0, 1, 2]]}"#)
    let map = try file.map(modelLayers: [0], experts: 3, gpus: 2)
    #expect(map.wastedSlots(layer: 0) == 1)
    #expect(map.holders(layer: 0) == Holders([[0], [1], [1]]))
    let error = #expect(throws: PlacementError.self) {
      try file.map(modelLayers: [0], experts: 4, gpus: 2)
    }
    #expect(
      error?.description
        == "p.json, layer 0: expert 3 lies nowhere, while device 0 has expert 0 in two slots;"
        + " place every expert")
  }

  @Test(arguments: [
    (
      #"{"physical_to_logical_map": [[0, 1, 2]]}"#,
      "layer 7: 3 slots are not shared evenly, but row has 2 dies; name a system of as many as it was"
    ),
    (#"{"physical_to_logical_map": [[0, 1]]}"#, "layer 7: expert 2 lies nowhere"),
    (#"{"physical_to_logical_map": [[0, 1, 2, 3]]}"#, "layer 7: expert 3 is none of"),
    (#"{"physical_to_logical_map": [[0, -1, 2, 1]]}"#, "layer 7: expert -1 is none of"),
    (#"{"physical_to_logical_map": []}"#, "it places 0 layers, none of them layer 7"),
    (
      #"{"layer_list": [{"layer_id": 0, "device_list": []}]}"#,
      "it places on 0 devices, but row has 2"
    ),
    (#"{"logical_count": [[5, 3, 4]]}"#, "layer 7: it holds counts, and 3 experts are not shared"),
    (#"{"logical_count": [[5, 3]]}"#, "layer 7: it counts 2 experts of the model's 3"),
    (
      "num_slots: 4\ninitial_global_assignments:\n  7: [0, 1, 2, 0]\n  9: [0, 1, 2, 0]\n",
      "it places layer 9, which is no MoE layer of the model; give a placement of this model"
    ),
    (
      "num_slots: 4\ninitial_global_assignments: \n",
      "it places 0 layers, none of them layer 7; place every MoE layer of the model"
    ),
  ]) func misfitsAreNamed(text: String, message: String) {
    let error = #expect(throws: PlacementError.self) {
      try file(text).placement(modelLayers: [7], experts: 3, on: fabric(dies: 2))
    }
    #expect(error?.description.hasPrefix("p.json") == true)
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test(arguments: [
    ("{}", "it is no placement: none of sglang-json, sglang-pt, ktransformers, vllm-ascend, vllm,"),
    ("", "it is no placement: none of sglang-json"),
    ("[1", "it is no placement"),
    (#"{"physical_to_logical_map": 4}"#, "it is no placement; give {"),
    (#"{"physical_to_logical_map": [[0, 1.5]]}"#, "it is no placement; give {"),
    (#"{"logical_count": [4]}"#, "it is no placement; give {"),
    (
      #"{"moe_layer_count": 2, "layer_list": [{"layer_id": 0, "device_list": []}]}"#,
      "it has 1 of 2, its moe_layer_count"
    ),
    (
      #"{"layer_list": [{"layer_id": 1, "device_list": []}]}"#,
      "it has the layer_id 1 where 0 comes"
    ),
    (
      #"{"layer_list": [{"layer_id": 0, "device_list": [{"device_id": 8, "device_expert": []}]}]}"#,
      "layer_id 0 has the device_id 8 where 0 comes next; number them from 0"
    ),
    (
      #"{"layer_list": [{"layer_id": 0, "device_count": 2, "device_list": ["#
        + #"{"device_id": 0, "device_expert": []}]}]}"#,
      "layer_id 0 has 1 of 2, its device_count"
    ),
    (
      #"{"record_type": "eplb_initial_mapping", "version": 2, "num_redundant_experts": 0,"#
        + #" "num_slots": 1, "initial_global_assignments": {}}"#,
      "its version is 2"
    ),
    (
      #"{"record_type": "eplb_initial_mapping", "version": 1, "num_redundant_experts": 0,"#
        + #" "num_slots": 1, "initial_global_assignments": {"1": [0]}}"#,
      "its 1 layers lack 0"
    ),
    (
      #"{"record_type": "eplb_initial_mapping", "version": 1, "num_redundant_experts": 2,"#
        + #" "num_slots": 3, "initial_global_assignments": {"0": [0, 1, 0]}}"#,
      "its layer 0 has 2 experts in 3 slots, and num_redundant_experts is 2"
    ),
    (
      #"{"record_type": "eplb_initial_mapping", "version": 1, "num_redundant_experts": 0,"#
        + #" "num_slots": 3, "initial_global_assignments": {"0": [0, 1]}}"#,
      "its layer 0 has 2 slots of 3, its num_slots"
    ),
    (
      "{\"record_type\": \"eplb_initial_mapping\"}\n{\"record_type\": \"eplb_initial_mapping\"}",
      "it holds 2 records"
    ),
    ("initial_global_assignments:\n  0: [0]\n", "it has no num_slots"),
    ("initial_global_assignments:\n  0: [0]\nnum_slots: 2\n", "layer 0 has 1 slots of 2"),
    ("initial_global_assignments: {0: [0]}\n", "line 1: '{0: [0]}' is no whole number"),
    ("initial_global_assignments:\n  0: [0\n", "line 2: its list is not closed"),
    ("initial_global_assignments:\n  0: [0, x]\n", "line 2: 'x' is no expert's number"),
    ("initial_global_assignments:\n  0: [0]\n  0: [0]\n", "line 3: layer 0 is given twice"),
    ("initial_global_assignments:\n  a: [0]\n", "line 2: 'a' is no layer's number"),
    ("initial_global_assignments:\n  0: [0]\nworkers: 1\n", "line 3: 'workers' is not known"),
    (
      "layer_updates_per_iter: 2\ninitial_global_assignments:\n  0: [0]\n",
      "line 1: the engine moves experts of 2 layers in every iteration"
    ),
    ("num_slots: 1\nnum_slots: 1\ninitial_global_assignments:\n", "line 2: 'num_slots' is given"),
  ]) func faultsAreNamed(text: String, message: String) {
    let error = #expect(throws: PlacementError.self) { try file(text) }
    #expect(error?.description.hasPrefix("p.json: ") == true)
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test func filesThatCannotBeReadAreNamed() {
    let error = #expect(throws: PlacementError.self) { try PlacementFile(file: "/nowhere/p.json") }
    #expect(error?.description.contains("/nowhere/p.json: cannot be read") == true)
  }
}
