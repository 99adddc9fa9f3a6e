import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// Two tokens, top-2 of 8 in two layers; in layer 1 of the first the weights ascend.
private let sample = """
  {"row_index": 27, "dataset": "gpqa", "category": "Physics (general)",
   "full_text": ["<|start|>", " \\"a\\", b"], "router_data": [
    {"token_9": {"layer_0": {"selected_experts": [3, 1], "selected_probs": [0.75, 0.25]},
                 "layer_1": {"selected_experts": [0, 7], "selected_probs": [0.125, 0.5]}}},
    {"token_10": {"layer_1": {"selected_probs": [0.5, 0.25], "selected_experts": [6, 5]},
                  "layer_0": {"selected_experts": [2, 4], "selected_probs": [1e0, 0]}}}]}
  """

@Suite struct GPTOSSFormatTests {
  @Test func readsIdsWeightsAndTask() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array(sample.utf8), to: "True_True_examples.json")
    var importer = try TraceImporter([path], options: ImportOptions(experts: 8))
    #expect(importer.format == .gptOSS)
    #expect(importer.isWeighted)
    #expect(importer.shape == (try TraceShape(modelLayers: [0, 1], experts: 8, topK: 2)))
    let request = try #require(try importer.next())
    #expect(request.name == "27")
    #expect(request.task == "gpqa/Physics (general)")
    #expect(request.prefill == 0)
    #expect(request.ids == [3, 1, 7, 0, 2, 4, 6, 5])
    #expect(request.weights == [0.75, 0.25, 0.5, 0.125, 1, 0, 0.5, 0.25])
  }

  @Test func cutAnywhereIsATypedErrorOrTheWhole() throws {
    let (taken, untyped) = try cutEverywhere(
      Array(sample.utf8), named: "1.json", format: .gptOSS, options: ImportOptions(experts: 8))
    #expect(taken == [sample.utf8.count])
    #expect(untyped.isEmpty)
  }

  @Test(arguments: [
    (
      #"{"router_data": [{"token_0": {"layer_0": {"selected_experts": [1]}}}, {}]}"#,
      "an object with one token"
    ),
    (
      #"{"router_data": [{"token_0": {"layer_0": {"selected_experts": [9]}}}]}"#,
      "expert 9 is outside 0 to 7"
    ),
    (
      #"{"router_data": [{"token_0": {"layer_0": {"selected_probs": [1]}}}]}"#,
      "no event of its 1 tokens holds an expert"
    ),
    (
      #"{"router_data": [{"token_0": {"layer_0": {"selected_experts": [1], "selected_probs": []}},"#
        + #""x": 1}]}"#, "an object with one token"
    ),
    (
      #"{"router_data": [{"token_0": {"layer_0": {"selected_experts": [1, 2],"#
        + #" "selected_probs": [1]}}}]}"#, "1 selected_probs for 2 selected_experts"
    ),
    (#"{"router_data": [{"token_0": {"expert_0": {}}}]}"#, "a key \"layer_<layer number>\""),
    (#"{"router_data": [{"token_0": {}}]}"#, "the token has no layers"),
    (#"{"data": []}"#, "the object has no router_data"),
    (
      #"{"router_data": [{"token_0": {"layer_0": {"selected_experts": [1],"#
        + #" "selected_probs": [1e9]}}}]}"#, "gate weight inf is not a finite number"
    ),
  ])
  func refuses(_ text: String, problem: String) {
    let fault = importFault { try importText(text, named: "1.json", format: .gptOSS) }
    #expect(fault?.problem.hasPrefix(problem) == true, "\(fault?.problem ?? "no error")")
  }
}
