import TestSupport
import Testing

@testable import Placement

/// What is written for engines, read by what they read with, where that is installed.
@Suite struct EngineReaderTests {
  /// `torch.load` with nothing but weights allowed, as SGLang and KTransformers call it.
  @Test(.enabled(if: Python.has("torch"), "\(Python.absence("torch"))"))
  func torchLoadsWhatIsWritten() throws {
    let folder = try TemporaryFolder()
    let placed = try PlacedModel.sample()
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
    let path = try folder.write(TensorRTYAML.bytes(of: try PlacedModel.sample()), to: "p.yaml")
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
    let placed = try PlacedModel.sample()
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

  /// KTransformers' own function, out of its SGLang, that takes loads from `--init-expert-location`;
  /// what it asks of a server, and the choice of the most loaded experts, are filled in by hand.
  @Test(.enabled(if: isKTransformersThere, "python3 with torch and sglang-kt 0.7.2 is absent"))
  func ktransformersTakesWhatIsWritten() throws {
    let folder = try TemporaryFolder()
    let printed = try Python.run(
      Self.ktransformers,
      try folder.write(
        try KTransformersTorch.bytes(of: try PlacedModel.sample()), to: "counts.pt"))
    #expect(
      printed == """
        [[0.0, 0.0, 0.0, 0.0], [5.0, 7.0, 1.0, 9.0], [0.0, 0.0, 0.0, 0.0], [1.0, 3.0, 0.0, 4.0], \
        [0.0, 0.0, 0.0, 0.0]]

        """)
  }

  private static let isKTransformersThere =
    (try? Python.run(
      """
      import importlib.metadata, torch
      assert importlib.metadata.version("sglang-kt") == "0.7.2"
      """)) != nil

  private static let ktransformers = """
    import ast, importlib.util, logging, sys, typing
    from types import SimpleNamespace as Space
    import torch
    root = importlib.util.find_spec("sglang").submodule_search_locations[0]
    tree = ast.parse(open(root + "/srt/layers/moe/kt_ep_wrapper.py").read())
    tree.body = [node for node in tree.body
                 if getattr(node, "name", "") == "_init_kt_gpu_experts_masks"]

    def masks(loads, count):
        print(loads.tolist())
        return torch.zeros(loads.shape, dtype=torch.bool)

    names = dict(torch=torch, dist=torch.distributed, logger=logging.getLogger(),
                 Optional=typing.Optional, _KT_GPU_EXPERTS_MASKS=None,
                 get_tensor_model_parallel_rank=lambda: 0, generate_gpu_experts_masks=masks)
    exec(compile(tree, "kt_ep_wrapper.py", "exec"), names)
    config = Space(num_hidden_layers=5, num_experts=4, first_k_dense_replace=1, moe_layer_freq=1)
    names["_init_kt_gpu_experts_masks"](Space(
        get_hf_config=lambda: config, kt_gpu_experts_ratio=None, kt_num_gpu_experts=1,
        kt_expert_placement_strategy="frequency", init_expert_location=sys.argv[1]))
    """
}
