import Foundation
import Placement
import TestSupport
import Testing

@Suite struct EPLBTests {
  struct Golden: Decodable {
    let name: String
    let replicas, groups, nodes, gpus: Int
    let weight: [[Double]]
    let slots: [[Int]]

    enum CodingKeys: String, CodingKey {
      case name, weight
      case replicas = "num_replicas"
      case groups = "num_groups"
      case nodes = "num_nodes"
      case gpus = "num_gpus"
      case slots = "phy2log"
    }
  }

  /// The slots that DeepSeek's own program gave, flat and by nodes.
  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
  func placesAsDeepSeek() throws {
    let path = SharedData.path + "/formats/eplb/golden.json"
    // Python writes the balancedness of no load as NaN, which is no JSON.
    let text = try String(contentsOfFile: path, encoding: .utf8).replacing("NaN", with: "0")
    let goldens = try JSONDecoder().decode([Golden].self, from: Data(text.utf8))
    #expect(!goldens.isEmpty)
    for golden in goldens {
      let layout = try DeviceLayout(
        experts: golden.weight[0].count, gpus: golden.gpus, nodes: golden.nodes,
        redundant: golden.replicas - golden.weight[0].count)
      let slots = try EPLB(groups: golden.groups).slots(
        for: try PlacementEvidence(loads: golden.weight), on: layout)
      #expect(slots == golden.slots, "\(golden.name)")
    }
  }
}
