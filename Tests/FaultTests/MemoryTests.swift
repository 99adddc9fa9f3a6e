import Foundation
import RoutingTrace
import TestSupport
import Testing

/// Shapes whose tables do not fit: refused in one line before anything is allocated.
@Suite struct MemoryTests {
  static let kilobytes = 3_000_000

  /// A trace that is a header alone, of so many layers and experts.
  static func header(layers: Int, experts: Int) throws -> [UInt8] {
    let shape = try TraceShape(modelLayers: Array(0..<layers), experts: experts, topK: 2)
    return try traceBytes(of: [], shape: shape)
  }

  @Test(arguments: [
    ["train"], ["train", "--predictors", "layer-markov"],
    ["train", "--predictors", "mixture-fast"],
    ["train", "--predictors", "mixture-all"], ["analyze"], ["compare"],
  ]) func tablesBeyondTheLimitAreRefused(_ command: [String]) throws {
    let folder = try TemporaryFolder()
    for (layers, experts) in [(3, 32768), (4096, 32768), (4096, 2048)] {
      let trace = try folder.write(
        Self.header(layers: layers, experts: experts), to: "\(layers)-\(experts).moe.lz4")
      let ending = try Program.Run(command + [trace], script: Program.limit(to: Self.kilobytes))
        .ending()
      #expect(ending.status == 1 && !ending.isKilled)
      #expect(ending.complaint.contains(" take ") && ending.complaint.contains("ulimit -v"))
      #expect(ending.complaint.split(separator: "\n").count == 1)
    }
  }

  /// What the message advises does fit.
  @Test func theAdviceHelps() throws {
    let folder = try TemporaryFolder()
    let trace = try folder.write(Self.header(layers: 3, experts: 32768), to: "large.moe.lz4")
    let refused = try Program.limited(to: Self.kilobytes, "train", trace)
    #expect(refused.complaint.contains("use --predictors frequency ("))
    let advised = try Program.limited(
      to: Self.kilobytes, "train", "--predictors", "frequency", trace)
    #expect(advised.status == 0 && !advised.isKilled)
  }

  /// What fits by the estimate is learnt within the limit.
  @Test func whatFitsIsLearnt() throws {
    let folder = try TemporaryFolder()
    let shape = try TraceShape(modelLayers: [0, 1, 2, 3], experts: 512, topK: 4)
    var random = SplitMix64(seed: 1)
    let request = RequestTrace.random(shape: shape, prefill: 8, decode: 56, using: &random)
    let trace = try folder.write(traceBytes(of: [request], shape: shape), to: "small.moe.lz4")
    var outcomes: Set<Int32> = []
    for kilobytes in stride(from: 400_000, through: 1_600_000, by: 200_000) {
      let ending = try Program.limited(
        to: kilobytes, "train", "--predictors", "mixture-all,mixture", trace)
      #expect(!ending.isKilled && ending.status != 134)
      outcomes.insert(ending.status)
    }
    #expect(outcomes == [0, 1])
  }
}
