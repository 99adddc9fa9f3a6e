import Archive
import Foundation
import RoutingTrace
import TestSupport
import Testing
import Wafer

@testable import Placement

/// What is written for engines: read again, held against files that they take, and read by what they
/// read with.
@Suite struct PlacementFormatTests {
  /// Layers 1 and 3 of five, four experts in six slots of two GPUs.
  private func placed() throws -> PlacedModel {
    let layout = try DeviceLayout(experts: 4, gpus: 2, redundant: 2)
    let map = try SlotMap(
      layout: layout, experts: 4, slots: [[3, 1, 0, 2, 3, 1], [0, 1, 2, 0, 3, 0]])
    return try PlacedModel(
      map, moeLayers: [1, 3], layers: 5, loads: [[5, 7, 1, 9], [1.4, 2.6, 0, 4]])
  }

  @Test(arguments: PlacementFormats.all.map { $0.name }) func whatIsWrittenIsRead(
    name: String
  ) throws {
    let format = try #require(PlacementFormats.named(name))
    let placed = try placed()
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
    let file = try PlacementFile(bytes: SGLangJSON.bytes(of: placed()), from: "p")
    let trivial = [0, 1, 2, 3, 0, 1]
    #expect(
      file.content
        == .slots(
          [trivial, [3, 1, 0, 2, 3, 1], trivial, [0, 1, 2, 0, 3, 0], trivial], layers: .inOrder))
  }

  @Test func loadsAreNeededForLoads() throws {
    let placed = try placed()
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
    let map = try placed().map
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

  // MARK: files of engines

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

  // MARK: the engines' own readers

  /// `torch.load` with nothing but weights allowed, as SGLang and KTransformers call it.
  @Test(.enabled(if: Python.has("torch"), "\(Python.absence("torch"))"))
  func torchLoadsWhatIsWritten() throws {
    let folder = try TemporaryFolder()
    let placed = try placed()
    let map = try folder.write(try SGLangTorch.bytes(of: placed), to: "map.pt")
    let counts = try folder.write(try KTransformersTorch.bytes(of: placed), to: "counts.pt")
    let printed = try Python.run(
      """
      import sys, torch
      for path in sys.argv[1:]:
          data = torch.load(path, map_location="cpu", weights_only=True)
          (key, tensor), = data.items()
          print(key, tensor.dtype, tensor.is_contiguous(), tensor.tolist())
      """, map, counts)
    #expect(
      printed == """
        physical_to_logical_map torch.int64 True [[0, 1, 2, 3, 0, 1], [3, 1, 0, 2, 3, 1], \
        [0, 1, 2, 3, 0, 1], [0, 1, 2, 0, 3, 0], [0, 1, 2, 3, 0, 1]]
        logical_count torch.int64 True [[[0, 0, 0, 0], [5, 7, 1, 9], [0, 0, 0, 0], [1, 3, 0, 4], \
        [0, 0, 0, 0]]]

        """)
  }

  @Test(.enabled(if: Python.has("torch"), "\(Python.absence("torch"))"))
  func whatTorchSavesIsRead() throws {
    let folder = try TemporaryFolder()
    _ = try Python.run(
      """
      import sys, torch
      torch.save({"physical_to_logical_map": torch.tensor([[1, 0, 2, 1]])}, sys.argv[1])
      torch.save({"logical_count": torch.tensor([[[1, 2]], [[3, 4]]], dtype=torch.int32)}, sys.argv[2])
      """, folder.file("map.pt"), folder.file("counts.pt"))
    #expect(
      try PlacementFile(file: folder.file("map.pt")).content
        == .slots([[1, 0, 2, 1]], layers: .inOrder))
    #expect(try PlacementFile(file: folder.file("counts.pt")).content == .counts([[4, 6]]))
  }

  /// PyYAML, with which TensorRT-LLM reads: a dictionary of numbers and of lists by layer number.
  @Test(.enabled(if: Python.has("yaml"), "\(Python.absence("yaml"))"))
  func yamlIsReadByPyYAML() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(TensorRTYAML.bytes(of: try placed()), to: "p.yaml")
    let printed = try Python.run(
      """
      import sys, yaml
      print(sorted(yaml.safe_load(open(sys.argv[1])).items()))
      """, path)
    #expect(
      printed == """
        [('initial_global_assignments', {1: [3, 1, 0, 2, 3, 1], 3: [0, 1, 2, 0, 3, 0]}), \
        ('layer_updates_per_iter', 0), ('num_slots', 6)]

        """)
  }

  /// SGLang's own function that reads `--init-expert-location`, out of the release that these tests
  /// were written beside, with what it asks of a running server filled in by hand.
  @Test(.enabled(if: isSGLangThere, "python3 with torch and SGLang 0.5.23 is absent"))
  func sglangLoadsWhatIsWritten() throws {
    let folder = try TemporaryFolder()
    let placed = try placed()
    let printed = try Python.run(
      Self.sglang, try folder.write(SGLangJSON.bytes(of: placed), to: "map.json"),
      try folder.write(try SGLangTorch.bytes(of: placed), to: "map.pt"),
      try folder.write(try KTransformersTorch.bytes(of: placed), to: "counts.pt"))
    let lines = printed.split(separator: "\n").map(String.init)
    try #require(lines.count == 3)
    let rows = "\(placed.slotsOfAllLayers)"
    #expect(lines[0] == rows + " 0 [0, 3, 5]")
    #expect(lines[1] == lines[0])
    // From loads it places by itself, as the balancer does here.
    let file = try PlacementFile(
      bytes: try KTransformersTorch.bytes(of: placed), from: "counts.pt")
    guard case .counts(let counts) = file.content else { return }
    let own = try EPLB().slots(for: try PlacementEvidence(loads: counts), on: placed.map.layout)
    #expect(lines[2].hasPrefix("\(own) "))
  }

  private static let isSGLangThere =
    (try? Python.run(
      """
      import importlib.metadata, torch
      assert importlib.metadata.version("sglang") == "0.5.23"
      """)) != nil

  private static let sglang = """
    import importlib.util, sys, types
    from types import SimpleNamespace as Space
    root = importlib.util.find_spec("sglang").submodule_search_locations[0]

    def load(name, path):
        spec = importlib.util.spec_from_file_location(name, root + path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    moe = Space(ep_num_redundant_experts=2, ep_join_mode=None, ep_dispatch_algorithm=None,
                eplb_algorithm="deepseek", moe_a2a_backend="none")
    parallel = Space(ep_size=2, nnodes=1, tp_size=2, elastic_ep_initial_size=None)
    context = types.ModuleType("sglang.srt.runtime_context")
    context.get_exec = lambda: Space(moe=moe)
    context.get_parallel = lambda: parallel
    context.get_device = lambda: Space(device="cpu")
    context.get_resources = lambda: Space(expert_location_metadata=None)
    sys.modules["sglang"] = types.ModuleType("sglang")
    sys.modules["sglang.srt"] = types.ModuleType("sglang.srt")
    sys.modules["sglang.srt.runtime_context"] = context
    elastic = types.ModuleType("sglang.srt.elastic_ep.elastic_ep")
    elastic.elastic_expanded_world_enabled = lambda: False
    sys.modules["sglang.srt.elastic_ep"] = types.ModuleType("sglang.srt.elastic_ep")
    sys.modules["sglang.srt.elastic_ep.elastic_ep"] = elastic
    eplb = types.ModuleType("sglang.srt.eplb")
    eplb.__path__ = [root + "/srt/eplb"]
    sys.modules["sglang.srt.eplb"] = eplb

    location = load("sglang.srt.eplb.expert_location", "/srt/eplb/expert_location.py")
    model = location.ModelConfigForExpertLocation(
        num_layers=5, num_logical_experts=4, num_groups=1)
    location.ModelConfigForExpertLocation.from_model_config = staticmethod(lambda config: model)
    for path in sys.argv[1:]:
        moe.init_expert_location = path
        found = location.compute_initial_expert_location_metadata(None, 0)
        print(found.physical_to_logical_map.tolist(), found.num_local_physical_experts - 3,
              found.logical_to_all_physical(3, 0))
    """
}
