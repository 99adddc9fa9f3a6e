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

  /// The same, for loads drawn anew, where DeepSeek's program (`eplb.py` of
  /// github.com/deepseek-ai/EPLB) is on Python's path: whole numbers of few values, so that many are
  /// equal, and none for whole rows.
  @Test(.enabled(if: Python.has("torch", "eplb"), "\(Python.absence("torch", "eplb"))"))
  func placesAsDeepSeekWhateverTheLoads() throws {
    var random = SplitMix64(seed: 11)
    var drawn: [(layout: DeviceLayout, groups: Int, loads: [[Double]])] = []
    while drawn.count < 300 {
      let nodes = [1, 2, 4].randomElement(using: &random) ?? 1
      let gpus = nodes * Int.random(in: 1...8, using: &random)
      let groups = [1, 2, 4, 8].randomElement(using: &random) ?? 1
      let experts = groups * Int.random(in: 1...24, using: &random)
      let slots = (experts + gpus - 1) / gpus * gpus + gpus * Int.random(in: 0...3, using: &random)
      let values = [1, 2, 4, 50, 100_000].randomElement(using: &random) ?? 1
      guard
        let layout = try? DeviceLayout(
          experts: experts, gpus: gpus, nodes: nodes, redundant: slots - experts),
        slots >= experts, groups % nodes != 0 || slots / nodes >= experts / nodes
      else { continue }
      let loads = (0..<3).map { _ in
        (0..<experts).map { _ in Double(Int.random(in: 0..<values, using: &random)) }
      }
      drawn.append((layout, groups, loads))
    }
    let cases = drawn.map {
      "[\($0.loads), \($0.layout.slots), \($0.groups), \($0.layout.nodes), \($0.layout.gpus)]"
    }
    let folder = try TemporaryFolder()
    let path = try folder.write(
      Array("[\(cases.joined(separator: ","))]".utf8), to: "cases.json")
    let printed = try Python.run(
      """
      import json, sys, torch
      from eplb import rebalance_experts
      torch.set_num_threads(1)
      print([rebalance_experts(torch.tensor(weight), *rest)[0].tolist()
             for weight, *rest in json.load(open(sys.argv[1]))])
      """, path)
    let expected = try JSONDecoder().decode([[[Int]]].self, from: Data(printed.utf8))
    for (drawn, expected) in zip(drawn, expected) {
      let slots = try EPLB(groups: drawn.groups).slots(
        for: try PlacementEvidence(loads: drawn.loads), on: drawn.layout)
      #expect(slots == expected, "\(drawn)")
    }
    #expect(expected.count == drawn.count)
  }
}
