import Foundation
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// What producers' own code wrote, in `../shared/formats`, beside its expected result, or beside a
/// reader in Python that knows nothing of ours.
@Suite(
  .enabled(if: SharedData.isPresent, "\(SharedData.absence)"),
  .enabled(if: Python.has("json", "struct"), "\(Python.absence("json", "struct"))"))
struct ProducerSampleTests {
  /// A file, how Python reads it, and what is told to the importer.
  struct Sample: Sendable, CustomTestStringConvertible {
    var path: String
    var layout: String
    var format: String
    var experts: Int
    var prefill: Int?
    var layers: [Int]
    var testDescription: String { path }
  }

  private static let all = Array(1...5)

  private static let samples = [
    Sample(
      path: "megatron/sink/router_trace_rank1.jsonl", layout: "megatron", format: "megatron",
      experts: 16, layers: all),
    Sample(
      path: "megatron/hook/router_trace_rank0.jsonl", layout: "megatron", format: "megatron",
      experts: 16, prefill: 7, layers: [1, 2, 3]),
    Sample(
      path: "npz/trace.jsonl", layout: "rows", format: "layer-rows", experts: 16,
      layers: all),
    Sample(
      path: "dynande/layer1.csv", layout: "columns", format: "expert-columns", experts: 16,
      layers: [0]),
    Sample(
      path: "olmoe/c4_results.jsonl", layout: "olmoe", format: "olmoe", experts: 64,
      layers: Array(0..<16)),
    Sample(
      path: "community/moe_atlas_export.jsonl", layout: "atlas", format: "atlas", experts: 16,
      layers: [1, 2]),
    Sample(
      path: "community/vllm_moe_logger.jsonl", layout: "log", format: "vllm-logger", experts: 16,
      layers: [1]),
    Sample(
      path: "vllm/completion_v0.21.json", layout: "vllm", format: "vllm-json", experts: 16,
      layers: all),
    Sample(
      path: "vllm/completion_v0.24-0.33_E<=256.json", layout: "vllm", format: "vllm-json",
      experts: 16, layers: all),
    Sample(
      path: "vllm/completion_v0.24-0.33_E>256.json", layout: "wide", format: "vllm-json",
      experts: 512, layers: all),
  ]

  private struct Expected: Decodable {
    var ids: [UInt16]
    var prefill: Int?
    var weights: [Double]?
  }

  @Test(arguments: samples)
  func isReadAsItsProducerMeansIt(sample: Sample) throws {
    let path = SharedData.path + "/formats/" + sample.path
    try #require(FileManager.default.fileExists(atPath: path), "\(path) is absent")
    var importer = try TraceImporter(
      [path], options: ImportOptions(experts: sample.experts, prefill: sample.prefill))
    #expect(importer.format.name == sample.format)
    #expect(importer.shape.modelLayers == sample.layers)
    var requests: [RequestTrace] = []
    while let request = try importer.next() { requests.append(request) }
    let text = try Python.run(Self.reader + "\n", sample.layout, path)
    let expected = try JSONDecoder().decode([Expected].self, from: Data(text.utf8))
    #expect(requests.count == expected.count)
    for (request, value) in zip(requests, expected) {
      #expect(request.ids == value.ids)
      #expect(request.prefill == sample.prefill ?? value.prefill)
      #expect(request.weights?.map(Double.init) == value.weights)
    }
  }

  private static let reader = """
    import ast, csv, json, os, struct, sys

    def half(x):
      return struct.unpack("<e", struct.pack("<e", x))[0]

    def ranked(ids, weights):
      order = sorted(range(len(ids)), key=lambda i: -half(weights[i]))
      return [ids[i] for i in order], [half(weights[i]) for i in order]

    def lines(path):
      return [json.loads(line) for line in open(path) if line.strip()]

    def npy(path):
      data = open(path, "rb").read()
      length = struct.unpack("<H", data[8:10])[0]
      header = ast.literal_eval(data[10:10 + length].decode())
      code = {"|u1": "B", "<u2": "<H", "<i4": "<i", "<i8": "<q"}[header["descr"]]
      return header["shape"], [i for (i,) in struct.iter_unpack(code, data[10 + length:])]

    def megatron(path):
      steps, order = {}, []
      for record in lines(path):
        if record["block"] != "decoder": continue
        steps.setdefault(record["step"], {})[record["layer"]] = record["top_indices"]
      sizes, ids = [], []
      for step in steps.values():
        sizes.append(len(next(iter(step.values()))))
        for token in range(sizes[-1]):
          for layer in sorted(step): ids += step[layer][token]
      return [{"ids": ids, "prefill": sizes[0]}]

    def rows(path):
      (tokens, layers, k), ids = npy(os.path.dirname(path) + "/routed_experts.expected.npy")
      by_hand = {r["layer"]: r["topk_experts"] for r in lines(path)}
      assert ids == [e for t in range(tokens) for l in range(layers) for e in by_hand[l][t]]
      # Layer 0 is dense: its rows are zeros.
      own = [i for t in range(tokens) for i in ids[(t * layers + 1) * k:(t + 1) * layers * k]]
      return [{"ids": own, "prefill": tokens}]

    def columns(path):
      ids, weights = [], []
      rows = list(csv.reader(open(path)))[1:]
      for row in rows:
        chosen = [(e, float(w)) for e, w in enumerate(row[2:]) if float(w)]
        i, w = ranked([e for e, _ in chosen], [w for _, w in chosen])
        ids += i
        weights += w
      return [{"ids": ids, "weights": weights, "prefill": len(rows)}]

    def olmoe(path):
      (record,) = lines(path)
      (tokens, layers, k), ids = npy(os.path.dirname(path) + "/routed.expected.npy")
      by_hand = [record["exp_ids"][t][s][l] for t in range(tokens) for l in range(layers)
                 for s in range(k)]
      assert ids == by_hand
      return [{"ids": ids, "prefill": tokens}]

    def atlas(path):
      requests = []
      for trace in lines(path):
        events = {}
        for a in trace["activations"]:
          events.setdefault((a["token_idx"], a["layer"]), []).append(a)
        ids, weights = [], []
        for key in sorted(events):
          i, w = ranked([a["expert_idx"] for a in events[key]],
                        [a["gate_weight"] for a in events[key]])
          ids += i
          weights += w
        requests.append({"ids": ids, "weights": weights,
                         "prefill": 1 + max(token for token, _ in events)})
      return requests

    def log(path):
      ids, weights = [], []
      records = [r for r in lines(path) if r["type"] == "route"]
      for record in records:
        i, w = ranked(record["topk_ids"], record["topk_weights"])
        ids += i
        weights += w
      return [{"ids": ids, "weights": weights, "prefill": len(records)}]

    def vllm(path):
      (tokens, layers, k), ids = npy(os.path.dirname(path) + "/routed_experts.expected.npy")
      own = [i for t in range(tokens) for i in ids[(t * layers + 1) * k:(t + 1) * layers * k]]
      return [{"ids": own, "prefill": 8}]

    def wide(path):
      import base64
      (answer,) = lines(path)
      data = base64.b64decode(answer["choices"][0]["routed_experts"])
      assert data[:6] == b"\\x93NUMPY" and b"'<u2'" in data[:128]
      length = struct.unpack("<H", data[8:10])[0]
      ids = [i for (i,) in struct.iter_unpack("<H", data[10 + length:])]
      layers, k = 6, 4
      tokens = len(ids) // (layers * k)
      own = [i for t in range(tokens) for i in ids[(t * layers + 1) * k:(t + 1) * layers * k]]
      return [{"ids": own, "prefill": answer["usage"]["prompt_tokens"]}]

    print(json.dumps(globals()[sys.argv[1]](sys.argv[2])))
    """
}
