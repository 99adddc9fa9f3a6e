import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// What is taken for the shape where nobody gives one.
@Suite struct ShapeProposalTests {
  /// A request in the paper's JSON: every layer's tokens take these experts.
  private func paper(_ layers: Range<Int>, dense: Int = 0, ids: [[Int]]) -> String {
    let entries = layers.map { layer in
      layer < dense ? "\"\(layer)\": null" : "\"\(layer)\": \(ids)"
    }
    return "[{\(entries.joined(separator: ", "))}]"
  }

  private func importer(_ text: String, named name: String = "1.json") throws -> TraceImporter {
    let folder = try TemporaryFolder()
    return try TraceImporter(
      [folder.write(Array(text.utf8), to: name)], options: ImportOptions())
  }

  @Test func theOnlyModelThatFitsIsTaken() throws {
    let importer = try importer(paper(0..<36, ids: [[0, 127, 2, 3], [4, 5, 6, 7]]))
    let model = try #require(ModelShape.named("gpt-oss-120b"))
    #expect(importer.proposal == .model(model))
    #expect(importer.shape == (try model.traceShape()))
    let text = importer.proposal?.description ?? ""
    #expect(text.hasPrefix("taken to be gpt-oss-120b, the only known model that fits"))
    // Two have these layers and this top-k; one of them has such an expert.
    let other = try self.importer(paper(0..<24, ids: [[0, 33, 2, 3]]))
    #expect(other.shape.model == "qwen1.5-moe-a2.7b")
  }

  private func importAll(_ text: String) throws -> [RequestTrace] {
    var importer = try importer(text)
    var requests: [RequestTrace] = []
    while let request = try importer.next() { requests.append(request) }
    return requests
  }

  /// Dense layers tell too.
  @Test func denseLayersTell() throws {
    let dense = try importer(paper(0..<27, dense: 1, ids: [[0, 63, 2, 3, 4, 5]]))
    #expect(dense.shape.model == "deepseek-v2-lite")
    let fault = importFault {
      try importAll(paper(0..<27, dense: 2, ids: [[0, 63, 2, 3, 4, 5]]))
    }
    #expect(
      fault?.problem.contains("no known model has 25 MoE layers, top-6, ids up to 63") == true)
    #expect(fault?.remedy == "give --shape NAME or FILE.json, or --experts E")
  }

  /// Of several that fit, none is taken.
  @Test func severalModelsAreNamed() throws {
    let fault = importFault { try importAll(paper(0..<32, ids: [[0, 5], [1, 2]])) }
    #expect(fault?.kind == .missing)
    #expect(
      fault?.problem
        == "2 known models have 32 MoE layers, top-2, ids up to 5: mixtral-8x7b, phi-3.5-moe")
  }

  /// Many ids of which none is among the last experts are of a smaller model.
  @Test func manyIDsTellTheNumberOfExperts() throws {
    let ids = (0..<512).map { [$0 % 8, ($0 + 1 + $0 / 8 % 7) % 8] }
    #expect(try importer(paper(0..<32, ids: ids)).shape.model == "mixtral-8x7b")
  }

  /// What a file says of its experts is believed, whether a model is known or not.
  @Test func filesMaySayHowManyExpertsThereAre() throws {
    let unknown = try importer(
      #"{"model_id": "m", "num_experts": 40, "top_k": 2, "activations": ["#
        + #"{"layer": 0, "token_idx": 0, "expert_idx": 5}, "#
        + #"{"layer": 0, "token_idx": 0, "expert_idx": 6}]}"#, named: "a.jsonl")
    #expect(unknown.proposal == .experts(40))
    #expect(unknown.shape.experts == 40)
    let traits = ShapeProposal.Traits(
      layers: .numbered(Array(0..<32)), topK: 2, largest: 5, ids: 10, stated: 16)
    #expect(
      ModelShape.known.filter { ShapeProposal.fits($0, traits) }.map(\.name) == ["phi-3.5-moe"])
  }

  /// Some axes count dense layers, others do not; Megatron may count from 1.
  @Test func layersMayBeCountedInSeveralWays() throws {
    let model = try #require(ModelShape.named("deepseek-v3"))
    for layers in [
      RawRequest.LayerAxis.counted(61), .counted(58), .numbered(Array(3..<61)),
      .numbered(Array(4..<62)),
    ] {
      let traits = ShapeProposal.Traits(layers: layers, topK: 8, largest: 255, ids: 1 << 20)
      #expect(ShapeProposal.fits(model, traits))
    }
    for layers in [RawRequest.LayerAxis.counted(60), .numbered(Array(2..<60))] {
      let traits = ShapeProposal.Traits(layers: layers, topK: 8, largest: 255, ids: 1 << 20)
      #expect(!ShapeProposal.fits(model, traits))
    }
  }

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"), arguments: RealSet.all)
  func realTracesNeedNoShape(_ set: RealSet) throws {
    let folder = try TemporaryFolder()
    let input = try SharedData.traces(set.path, in: folder)
    let options = ImportOptions(prefill: set.prefillGiven)
    // Its files do not say how many ids a token has.
    guard set.format != .esft else {
      let fault = importFault { try TraceImportTests.importAll([input], options: options) }
      #expect(fault?.kind == .missing)
      return
    }
    let importer = try TraceImporter([input], options: options)
    #expect(importer.proposal == ModelShape.named(set.model).map { .model($0) })
  }
}

/// Shapes in files.
@Suite struct ShapeFileTests {
  private func read(_ text: String, named name: String = "shape.json") throws -> ModelShape {
    let folder = try TemporaryFolder()
    return try ShapeFile(folder.write(Array(text.utf8), to: name)).model
  }

  @Test func ownKeys() throws {
    let model = try read(
      #"{"name": "my-moe", "layers": 6, "moe_layers": [5, 1, 3], "experts": 64, "top_k": 8}"#)
    #expect(model.name == "my-moe")
    #expect(model.moeLayers == [1, 3, 5])
    #expect((model.layers, model.experts, model.topK) == (6, 64, 8))
    let all = try read(#"{"layers": 3, "experts": 4, "top_k": 1}"#, named: "short.json")
    #expect(all.name == "short")
    #expect(all.moeLayers == [0, 1, 2])
  }

  /// The keys of models as transformers writes them give what is known of these models.
  @Test(arguments: [
    (
      #"{"model_type": "deepseek_v3", "num_hidden_layers": 61, "n_routed_experts": 256, "#
        + #""num_experts_per_tok": 8, "first_k_dense_replace": 3, "n_shared_experts": 1, "#
        + #""hidden_size": 7168, "moe_intermediate_size": 2048, "intermediate_size": 18432}"#,
      "deepseek-v3"
    ),
    (
      #"{"text_config": {"num_hidden_layers": 48, "num_local_experts": 128, "#
        + #""num_experts_per_tok": 1, "interleave_moe_layer_step": 2, "hidden_size": 5120, "#
        + #""intermediate_size": 8192}}"#, "llama-4-maverick"
    ),
    (
      #"{"num_hidden_layers": 45, "moe_num_experts": 288, "moe_top_k": 8, "hidden_size": 4096, "#
        + #""moe_intermediate_size": 1280, "moe_layers_enum": "3, 4,5,6,7,8,9,10,11,12,13,14,15,16,"#
        + #"17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44"}"#,
      "step-3.5-flash"
    ),
    (
      #"{"num_hidden_layers": 48, "num_experts": 128, "num_experts_per_tok": 8, "#
        + #""decoder_sparse_step": 1, "mlp_only_layers": [], "hidden_size": 2048, "#
        + #""moe_intermediate_size": 768, "intermediate_size": 6144}"#, "qwen3-30b-a3b"
    ),
  ])
  func configurationsOfModels(text: String, name: String) throws {
    let (model, known) = (try read(text), try #require(ModelShape.named(name)))
    #expect(model.moeLayers == known.moeLayers)
    #expect((model.layers, model.experts, model.topK) == (known.layers, known.experts, known.topK))
    #expect((model.hidden, model.intermediate) == (known.hidden, known.intermediate))
  }

  @Test(arguments: [
    ("[1]", "it is no JSON object of a shape's keys"), ("{", "it is no JSON object"),
    (#"{"layers": "6"}"#, "it is no JSON object of a shape's keys: "),
    (#"{"layers": 6, "experts": 4}"#, "it lacks top_k (num_experts_per_tok)"),
    ("{}", "it lacks layers (num_hidden_layers), experts (num_experts), top_k"),
    (#"{"layers": 0, "experts": 4, "top_k": 1}"#, "0 layers are impossible"),
    (
      #"{"layers": 2, "experts": 4, "top_k": 1, "moe_layers": [2]}"#, "its moe_layers are not among"
    ),
    (#"{"layers": 2, "experts": 4, "top_k": 1, "moe_layers": [1, 1]}"#, "its moe_layers are not"),
    (#"{"layers": 2, "experts": 4, "top_k": 9}"#, ""),
    (#"{"layers": 2, "experts": 0, "top_k": 1}"#, ""),
  ])
  func refuses(text: String, problem: String) {
    let error = #expect(throws: ImportError.self) { try read(text) }
    #expect(error?.problem.hasPrefix(problem) == true, "\(error?.problem ?? "no error")")
    #expect(error?.remedy.contains("config.json") == true)
  }
}
