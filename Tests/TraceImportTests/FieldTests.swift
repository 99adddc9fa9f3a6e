import Foundation
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// Files as people have them, in `../shared`, beside a reader in Python that knows nothing of ours.
@Suite(
  .enabled(if: SharedData.isPresent, "\(SharedData.absence)"),
  .enabled(if: Python.has("json", "gzip", "struct"), "\(Python.absence("json", "gzip", "struct"))"))
struct FieldTests {
  /// What the reader in Python says of a request: token-major ids in the order of the source, of
  /// events with weights in descending weight, and the weights in half precision.
  private struct Expected: Decodable {
    var ids: [UInt16]
    var prefill: Int?
    var weights: [Double]?
  }

  /// What a file or folder holds, by its layout.
  private func expected(_ layout: String, _ path: String, _ more: String...) throws -> [Expected] {
    let text = try Python.run(Self.reader + "\n", layout, path, more.joined(separator: " "))
    return try JSONDecoder().decode([Expected].self, from: Data(text.utf8))
  }

  private func compare(_ requests: [RequestTrace], _ expected: [Expected]) {
    #expect(requests.count == expected.count)
    for (request, value) in zip(requests, expected) {
      #expect(request.ids == value.ids)
      if let prefill = value.prefill { #expect(request.prefill == prefill) }
      #expect(request.weights?.map(Double.init) == value.weights)
    }
  }

  @Test(
    arguments: [
      ("11-bom-and-gzip/bom.json", "paper", "paper-json", nil, nil),
      ("11-bom-and-gzip/gz.json", "paper", "paper-json", nil, nil),
      ("11-bom-and-gzip/g_bom.json", "fingerprint", "gpt-oss-json", nil, nil),
      ("11-bom-and-gzip/bom.csv", "table", "moe-beyond-csv", nil, nil),
      ("11-bom-and-gzip/sidecar.npy", "array", "vllm-npy", "qwen3-30b-a3b", nil),
      ("12-vllm-moe-logger-jsonl/moe_routes.jsonl", "log", "vllm-logger", nil, nil),
      ("14-sglang-response/response.json", "answer", "sglang-json", "qwen3-30b-a3b", nil),
      ("17-esft-crlf/crlf", "scores", "esft", nil, 2),
      ("17-esft-crlf/blank", "scores", "esft", nil, 2),
    ] as [(String, String, String, String?, Int?)])
  func isReadAsPythonReadsIt(
    path: String, layout: String, format: String, model: String?, topK: Int?
  ) throws {
    let path = SharedData.path + "/field/" + path
    try #require(FileManager.default.fileExists(atPath: path), "\(path) is absent")
    let options =
      model.map { ImportOptions(model: ModelShape.named($0)) }
      ?? ImportOptions(experts: 64, topK: topK)
    var importer = try TraceImporter([path], options: options)
    #expect(importer.format.name == format)
    var requests: [RequestTrace] = []
    while let request = try importer.next() { requests.append(request) }
    compare(requests, try expected(layout, path, "48", "8"))
  }

  /// A real log of three layers, a file each, every id and weight; and each file alone.
  @Test func theRealLogIsReadToItsLastId() throws {
    let folder = try TemporaryFolder()
    let path = try SharedData.traces(
      "qwen1.5-moe-vllm-logger/qwen1.5-moe-vllm-logger.tar.xz", in: folder)
    let options = ImportOptions(experts: 60, prefill: 0)
    let requests = try importAll([path], options: options)
    #expect(requests.map(\.ids.count) == [12_805 * 3 * 4])
    compare(requests, try expected("log", path))
    let alone = try importAll([path + "/moe_layer8.jsonl"], options: options)
    compare(alone, try expected("log", path + "/moe_layer8.jsonl"))
    // Nothing tells whose prompts are in its steps.
    let fault = importFault { try importAll([path], options: ImportOptions(experts: 60)) }
    #expect(fault?.problem.hasPrefix("its 131 engine steps of 12805 tokens do not tell") == true)
  }

  private static let reader = """
    import ast, base64, csv, glob, gzip, io, json, os, re, struct, sys

    def content(path):
      data = open(path, "rb").read()
      return gzip.decompress(data) if data[:2] == b"\\x1f\\x8b" else data

    def text(path):
      return content(path).decode("utf-8-sig")

    def half(x):
      return struct.unpack("<e", struct.pack("<e", x))[0]

    def ranked(ids, weights):
      order = sorted(range(len(ids)), key=lambda i: -half(weights[i]))
      return [ids[i] for i in order], [half(weights[i]) for i in order]

    def paper(path):
      entries = json.loads(text(path))
      layers = [l for l in sorted(entries[0], key=int) if entries[0][l] is not None]
      ids = []
      for entry in entries:
        for token in range(len(entry[layers[0]])):
          for layer in layers: ids += entry[layer][token]
      return [{"ids": ids, "prefill": len(entries[0][layers[0]])}]

    def fingerprint(path):
      ids, weights = [], []
      for entry in json.loads(text(path))["router_data"]:
        (token,) = entry.values()
        for layer in sorted(token, key=lambda l: int(l[6:])):
          i, w = ranked(token[layer]["selected_experts"], token[layer]["selected_probs"])
          ids += i
          weights += w
      return [{"ids": ids, "prefill": 0, "weights": weights}]

    def table(path):
      layers = {}
      for row in csv.DictReader(io.StringIO(text(path))):
        layers.setdefault(int(row["Layer ID"]), []).append(
          ast.literal_eval(row["Activated Expert IDs"]))
      columns = [layers[l] for l in sorted(layers)]
      return [{"ids": [i for event in zip(*columns) for row in event for i in row],
               "prefill": len(columns[0])}]

    def array(path):
      data = content(path)
      length = struct.unpack("<H", data[8:10])[0]
      header = ast.literal_eval(data[10:10 + length].decode())
      code = {"|u1": "B", "<u2": "<H", "<i4": "<i", "<i8": "<q"}[header["descr"]]
      boundary = json.loads(text(path[:-4] + ".json"))["input_token_count"]
      return [{"ids": [i for (i,) in struct.iter_unpack(code, data[10 + length:])],
               "prefill": boundary}]

    def answer(path):
      info = json.loads(text(path))["meta_info"]
      data = base64.b64decode(info["routed_experts"])
      tokens = info["prompt_tokens"] + info["completion_tokens"] - 1
      layers, k = map(int, sys.argv[3].split())
      ids = [i for (i,) in struct.iter_unpack("<i", data)]
      assert len(ids) == tokens * layers * k
      return [{"ids": ids, "prefill": info["prompt_tokens"]}]

    def log(path):
      files = sorted(glob.glob(path + "/*.jsonl")) if os.path.isdir(path) else [path]
      layers = {}
      for file in files:
        for line in text(file).splitlines():
          record = json.loads(line)
          if record["type"] == "route":
            layers.setdefault(record["layer"], []).append(record)
      ids, weights = [], []
      for event in zip(*[layers[l] for l in sorted(layers)]):
        assert len({record["token_idx"] for record in event}) == 1
        for record in event:
          i, w = ranked(record["topk_ids"], record["topk_weights"])
          ids += i
          weights += w
      return [{"ids": ids, "weights": weights}]

    def scores(path):
      number = lambda p: int(re.findall("\\\\d+", os.path.basename(p))[0])
      layers = []
      for file in sorted(glob.glob(path + "/*.txt"), key=number):
        lines = text(file).splitlines()
        while not lines[-1].strip(): lines.pop()
        layers.append([[part.split("\\t") for part in line.split("\\t\\t")] for line in lines])
      requests = []
      for lines in zip(*layers):
        ids, weights = [], []
        for token in range(0, len(lines[0][0]), 2):
          for i, w in lines:
            i, w = ranked(list(map(int, i[token:token + 2])), list(map(float, w[token:token + 2])))
            ids += i
            weights += w
        requests.append({"ids": ids, "prefill": len(lines[0][0]) // 2, "weights": weights})
      return requests

    print(json.dumps(globals()[sys.argv[1]](sys.argv[2])))
    """
}
