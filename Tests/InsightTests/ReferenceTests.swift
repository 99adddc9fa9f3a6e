import Foundation
import Insight
import RoutingTrace
import TestSupport
import Testing

/// Every figure that nothing is drawn for, against numpy, token by token from the definitions.
@Suite(.enabled(if: Python.has("numpy"), "\(Python.absence("numpy"))"))
struct ReferenceTests {
  static let drawn: Set<Measure> = [
    .nextLayerTopByChance, .nextLayerTopOfAllByChance, .nextTokenTopByChance,
    .nextTokenTopOfAllByChance, .pairsTopByPopularity, .taskTopByChance,
  ]

  @Test(arguments: [(32, 4, 0.0), (25, 3, 0.4), (40, 1, 0.0), (8, 2, 0.2)])
  func figuresAreThoseOfNumpy(experts: Int, topK: Int, empty: Double) throws {
    let shape = try TraceShape(modelLayers: [1, 3, 4], experts: experts, topK: topK)
    var random = SplitMix64(seed: 3)
    let requests = (0..<24).map { number in
      RequestTrace.random(
        shape: shape, prefill: 5 + number % 4, decode: 7 + number % 3, empty: empty,
        task: ["math", "code", "", "law"][number % 4], using: &random)
    }
    let expected = try Self.reference(requests, shape: shape)
    let observations = try Self.observe(requests, shape: shape, chunkTokens: 37)
    var compared = 0
    for (layer, observed) in observations.layers.enumerated() {
      for scope in Scope.allCases {
        let ours = observed.figures[scope, default: [:]].filter { !Self.drawn.contains($0.key) }
        let theirs = try #require(expected[layer][scope.rawValue])
        #expect(Set(ours.keys.map(\.rawValue)) == Set(theirs.keys), "layer \(layer), \(scope)")
        for (measure, value) in ours {
          let reference = try #require(theirs[measure.rawValue])
          #expect(
            abs(value - reference) <= 1e-11 * max(1, abs(reference)),
            "layer \(layer), \(scope), \(measure): \(value), numpy \(reference)")
          compared += 1
        }
      }
    }
    #expect(compared > 60)
  }

  static func observe(
    _ requests: [RequestTrace], shape: TraceShape, chunkTokens: Int = 4096, workers: Int = 1
  ) throws -> Observations {
    var analysis = TraceAnalysis(shape: shape)
    for chunk in try chunks(of: requests, shape: shape, chunkTokens: chunkTokens) {
      try analysis.consume(chunk.block, workers: workers)
    }
    return analysis.observations(workers: workers)
  }

  /// Layer, scope, measure: what numpy says.
  private static func reference(
    _ requests: [RequestTrace], shape: TraceShape
  ) throws -> [[String: [String: Double]]] {
    let folder = try TemporaryFolder()
    let told: [[String: Any]] = requests.map {
      ["task": $0.task, "prefill": $0.prefill, "ids": $0.ids.map(Int.init)]
    }
    let file = try folder.write(
      Array(try JSONSerialization.data(withJSONObject: told)), to: "requests.json")
    let printed = try Python.run(
      script, file, "\(shape.layers)", "\(shape.experts)", "\(shape.topK)")
    return try JSONDecoder().decode([[String: [String: Double]]].self, from: Data(printed.utf8))
  }

  private static let script = """
    import itertools, json, sys
    import numpy as np

    requests = json.load(open(sys.argv[1]))
    L, E, K = map(int, sys.argv[2:5])
    top = max(1, int(np.floor(0.2 * E + 0.5)))

    def ranks(values):
        return np.array([(values < v).sum() + ((values == v).sum() - 1) / 2 for v in values])

    def spearman(a, b):
        a, b = ranks(a), ranks(b)
        return np.corrcoef(a, b)[0, 1] if a.std() > 0 and b.std() > 0 else None

    def share(counts, n):
        return np.sort(counts)[::-1][:n].sum() / counts.sum()

    def best(counts, n):
        return [int(e) for e in np.argsort(-counts, kind="stable")[:n] if counts[e] > 0]

    def tables(layer, stage):
        c, before, tokens, following = np.zeros(E), np.zeros(E), 0, 0
        C, D = np.zeros((E, E)), np.zeros((E, E))
        for r in requests:
            ids = np.array(r["ids"]).reshape(-1, L, K)
            for t in range(len(ids)):
                if stage not in ("all", "prefill" if t < r["prefill"] else "decode"):
                    continue
                own = [e for e in ids[t, layer] if e < E]
                tokens += 1
                c[own] += 1
                if layer > 0:
                    given = [e for e in ids[t, layer - 1] if e < E]
                    before[given] += 1
                    for i, j in itertools.product(given, own):
                        C[i, j] += 1
                if t > 0:
                    following += len(own)
                    for i, j in itertools.product([e for e in ids[t - 1, layer] if e < E], own):
                        D[i, j] += 1
        return c, before, tokens, following, C, D

    def relation(name, table, given, figures):
        if table.sum() == 0:
            return
        most = int(np.argmax(given))
        if table[most].sum() > 0:
            figures[name + "_top20"] = share(table[most], top)
        rows = [row for row in table if row.sum() > 0]
        figures[name + "_top20_all"] = sum(share(r, top) * r.sum() for r in rows) / table.sum()

    layers = []
    for layer in range(L):
        scopes = {}
        seen = {s: tables(layer, s) for s in ("prefill", "decode", "all")}
        for scope, (c, before, tokens, following, C, D) in seen.items():
            f = scopes[scope] = {}
            relation("next_layer", C, before, f)
            relation("next_token", D, c, f)
            f["same_expert"] = np.trace(D) / following
            f["same_expert_by_popularity"] = ((c / c.sum()) * (c / tokens)).sum()
            p = c[c > 0] / c.sum()
            f["most_used_over_mean"] = c.max() / c.mean()
            f["popular_top20"] = share(c, top)
            f["effective_experts"] = 2 ** -(p * np.log2(p)).sum()
            f["unused_experts"] = int((c == 0).sum())
            f["gini"] = np.abs(c[:, None] - c[None, :]).sum() / (2 * E * c.sum())
        f = scopes["all"]
        (a, *_, CA, DA), (b, *_, CB, DB) = seen["prefill"], seen["decode"]
        f["stages_frequency_rank"] = spearman(a, b)
        for name, first, second in (("layer", CA, CB), ("token", DA, DB)):
            both = (first.sum(1) > 0) & (second.sum(1) > 0)
            if both.any():
                first, second = first[both], second[both]
                f[f"stages_next_{name}_rank"] = spearman(
                    (first / first.sum(1)[:, None]).ravel(), (second / second.sum(1)[:, None]).ravel())
        for n in (5, 10, 20):
            if n < E:
                mine = best(a, n)
                f[f"stages_top{n}_shared"] = len(set(mine) & set(best(b, n))) / n
                f[f"stages_top{n}_covered"] = b[mine].sum() / b.sum()
        pairs, tasks = {p: 0 for p in itertools.combinations(range(E), 2)}, {}
        for r in requests:
            for event in np.array(r["ids"]).reshape(-1, L, K)[:, layer]:
                own = sorted(int(e) for e in event if e < E)
                for pair in itertools.combinations(own, 2):
                    pairs[pair] += 1
                if r["task"]:
                    tasks.setdefault(r["task"], np.zeros(E))[own] += 1
        counts = np.array(list(pairs.values()))
        if counts.sum() > 0:
            f["pair_over_mean"] = counts.max() / counts.mean()
            f["pairs_top10"] = share(counts, max(1, int(np.floor(len(counts) / 10 + 0.5))))
        if 10 < E:
            f["tasks_top10_shared"] = np.mean([
                len(set(best(x, 10)) & set(best(y, 10))) / 10
                for x, y in itertools.combinations(tasks.values(), 2)])
        total = sum(t.sum() for t in tasks.values())
        f["task_top20"] = sum(share(t, top) * t.sum() for t in tasks.values()) / total
        layers.append({s: {k: float(v) for k, v in f.items() if v is not None} for s, f in scopes.items()})
    print(json.dumps(layers))
    """
}
