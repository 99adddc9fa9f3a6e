import Counting
import RoutingTrace
import TestSupport
import Testing

@testable import Forecast

/// The search against a comparison with every stored token, spelt out.
@Suite struct PathSearchTests {
  static func shape(experts: Int, topK: Int) throws -> TraceShape {
    try TraceShape(modelLayers: [0, 1, 2, 3], experts: experts, topK: topK)
  }

  /// One stored token of the comparison.
  struct Stored {
    var sets: [Set<Int>]
    /// The token before it in its request, as an index.
    var previous: Int?
  }

  @Test(arguments: [(12, 3), (100, 2), (7, 1)])
  func votesAreThoseOfACompleteComparison(experts: Int, topK: Int) throws {
    let shape = try Self.shape(experts: experts, topK: topK)
    var random = SplitMix64(seed: 5)
    let requests = (0..<4).map { _ in
      RequestTrace.random(shape: shape, prefill: 0, decode: 25, using: &random)
    }
    let lanes = (experts + 7) / 8 * 8
    var live = RequestBook()
    let options = MixtureOptions()
    var memory = PathMemory(shape: shape, capacity: 512)
    memory.reserve(places: 4)
    var stored: [Stored] = []
    // Final scores of a request's previous token, by stored token and metric.
    var finals: [Int: [Int]] = [:]
    for chunk in try chunks(of: requests, shape: shape) {
      let block = live.resolve(chunk.block)
      let search = PathSearch(memory: memory, options: options)
      let votes = PathVotes(layers: 4, tokens: block.tokens, lanes: lanes)
      search.search(
        block, range: 0..<block.tokens, into: votes, learns: true)
      memory = try #require(search.takeMemory())
      for token in 0..<block.tokens {
        let sets = (0..<4).map { layer in
          Set(
            (0..<topK).map {
              Int(block.ids[(layer * block.rows + token) * topK + $0])
            })
        }
        let previous = block.previous[token] >= 0 ? stored.count - 1 : nil
        var scores: [Int: [Int]] = [:]
        if previous != nil {
          for (index, entry) in stored.enumerated() {
            guard let before = entry.previous, let final = finals[before] else { continue }
            scores[index] = PathMemory.metrics.indices.map {
              (final[$0] * Int(PathMemory.metrics[$0].historyKeep)) >> 8
            }
          }
        }
        for layer in 0..<4 {
          for metric in PathMemory.metrics.indices {
            expectVotes(
              scores, stored, metric, layer, votes,
              votes.index(layer: layer, token: token) + metric, "token \(token), layer \(layer)")
          }
          for (index, entry) in stored.enumerated() {
            let shared = (0...layer).map { entry.sets[$0].intersection(sets[$0]).count }
            guard scores[index] != nil || (layer < 2 && shared.contains { $0 > 0 }) else {
              continue
            }
            let old = scores[index] ?? [0, 0, 0]
            let isNew = scores[index] == nil
            scores[index] = PathMemory.metrics.indices.map { metric in
              var score = old[metric]
              for past in (isNew ? 0 : layer)...layer {
                score =
                  ((score * Int(PathMemory.metrics[metric].layerKeep)) >> 8) + shared[past] * 64
              }
              return score
            }
          }
        }
        finals = scores
        stored.append(Stored(sets: sets, previous: previous))
      }
    }
    #expect(memory.written == 100 && memory.isSound(tokens: 100))
  }

  /// Checks the sum of weights and, where all voters are heard, every expert's votes.
  private func expectVotes(
    _ scores: [Int: [Int]], _ stored: [Stored], _ metric: Int, _ layer: Int, _ votes: PathVotes,
    _ at: Int, _ place: Comment
  ) {
    let rule = PathMemory.metrics[metric]
    let best = scores.values.map { $0[metric] }.max() ?? 0
    guard best > 0 else {
      #expect(votes.weights[at] == 0, place)
      return
    }
    let voters = scores.filter { $0.value[metric] >= max(1, best - rule.slack * 64) }
    guard voters.count <= rule.voters else { return }
    var wanted = [Float](repeating: 0, count: votes.lanes)
    var total: Float = 0
    for (index, score) in voters {
      let weight = FloatMath.exp(-rule.sharpness * Float((best - score[metric]) >> 2) / 16)
      total += weight
      for expert in stored[index].sets[layer] { wanted[expert] += weight }
    }
    #expect(abs(votes.weights[at] - total) < 1e-4, place)
    for expert in wanted.indices {
      #expect(abs(votes.votes[at * votes.lanes + expert] - wanted[expert]) < 1e-4, place)
    }
  }

  @Test func theOldestPathIsOverwritten() throws {
    let shape = try Self.shape(experts: 12, topK: 2)
    var random = SplitMix64(seed: 8)
    let request = RequestTrace.random(shape: shape, prefill: 0, decode: 700, using: &random)
    var live = RequestBook()
    var memory = PathMemory(shape: shape, capacity: 512)
    memory.reserve(places: 1)
    for chunk in try chunks(of: [request], shape: shape, chunkTokens: 64) {
      let block = live.resolve(chunk.block)
      let search = PathSearch(memory: memory, options: MixtureOptions())
      search.search(
        block, range: 0..<block.tokens,
        into: PathVotes(layers: 4, tokens: block.tokens, lanes: 16), learns: true)
      memory = try #require(search.takeMemory())
    }
    #expect(memory.written == 700)
    // Every bitmap bit belongs to a stored path: topK bits a slot and layer.
    #expect(memory.columns.reduce(0) { $0 + $1.nonzeroBitCount } == 512 * 2 * 2)
    #expect(memory.masks.reduce(0) { $0 + $1.nonzeroBitCount } == 512 * 4 * 2)
  }
}
