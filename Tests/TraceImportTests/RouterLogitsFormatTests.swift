import Archive
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

@Suite struct RouterLogitsFormatTests {
  /// Logits of rows whose best expert is each of `best`, the next lower one (or the last) second.
  private func logits(_ best: [Int], shape: [Int]? = nil) -> [UInt8] {
    let values = best.flatMap { best in (0..<4).map { Float(-(($0 - best + 4) % 4)) } }
    return values.withUnsafeBytes {
      NPYArray.file(.float(bytes: 4), shape: shape ?? [best.count, 4], elements: $0)
    }
  }

  private func prompt(
    _ layers: [Int: [UInt8]], facts: String? = "n_tokens_prompt=2\nn_tokens_generated=2\n"
  ) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for (layer, content) in layers {
      try folder.write(content, to: "p1/router/ffn_moe_logits-\(layer).npy")
    }
    if let facts { try folder.write(Array(facts.utf8), to: "p1/metadata.txt") }
    return folder
  }

  private let options = ImportOptions(experts: 4, topK: 2)

  @Test func theLargestLogitsAreTheChoice() throws {
    let folder = try prompt([10: logits([1, 2, 3]), 9: logits([0, 0, 1])])
    let requests = try importAll([folder.path], options: options)
    #expect(requests.map(\.name) == ["p1"])
    #expect(requests.map(\.prefill) == [2])
    // Layer 9 stands before layer 10.
    #expect(requests[0].ids == [0, 1, 1, 2, 0, 1, 2, 3, 1, 2, 3, 0])
  }

  /// llama.cpp's last layer: the prompt's last token and the decoded ones.
  @Test func aShorterLayerIsOfTheLastTokens() throws {
    let folder = try prompt([1: logits([1, 2, 3]), 2: logits([0, 1])])
    let none = TokenBlock.emptySlot
    #expect(
      try importAll([folder.path], options: options).map(\.ids) == [
        [1, 2, none, none, 2, 3, 0, 1, 3, 0, 1, 2]
      ])
    let other = try prompt([1: logits([1, 2, 3]), 2: logits([0])])
    let fault = importFault { try importAll([other.path], options: options) }
    #expect(
      fault?.problem == "it has 1 rows, but other layers have 3, and 2 tokens have an output")
    let untold = try prompt([1: logits([1, 2, 3]), 2: logits([0, 1])], facts: nil)
    #expect(
      importFault { try importAll([untold.path], options: options) }?.problem
        == "it has 2 rows, but other layers have 3")
  }

  @Test func oneRowIsAnArrayOfOneAxis() throws {
    let folder = try prompt([1: logits([3], shape: [4])], facts: "n_tokens_prompt=1\n")
    #expect(try importAll([folder.path], options: options).map(\.ids) == [[3, 0]])
  }

  @Test func theFactsMustFitTheRows() throws {
    let folder = try prompt(
      [1: logits([1, 2, 3])], facts: "n_tokens_prompt=9\nn_tokens_generated=9")
    #expect(
      importFault { try importAll([folder.path], options: options) }?.problem
        == "its layers have 3 rows, but metadata.txt says 9 prompt and 9 generated tokens")
  }

  @Test func topKAndExpertsMustBeGiven() throws {
    let folder = try prompt([1: logits([1, 2, 3])])
    let fault = importFault { try importAll([folder.path], options: ImportOptions(experts: 4)) }
    #expect(fault?.kind == .missing)
    #expect(fault?.file == "top-k")
    let other = importFault {
      try importAll([folder.path], options: ImportOptions(experts: 8, topK: 2))
    }
    #expect(other?.problem == "its shape is [3, 4] instead of [rows, 8]")
  }

  @Test func noNumbersAreRefusedAndEqualOnesKeepTheOrder() throws {
    func choice(_ row: [Float]) throws -> [UInt16] {
      let content = row.withUnsafeBytes {
        NPYArray.file(.float(bytes: 4), shape: [1, 4], elements: $0)
      }
      let folder = try prompt([1: content], facts: "n_tokens_prompt=1")
      return try importAll([folder.path], options: options)[0].ids
    }
    #expect(try choice([1, 1, 1, 1]) == [0, 1])
    #expect(try choice([-.infinity, -.infinity, -.infinity, 0]) == [3, 0])
    #expect(throws: ImportError.self) { try choice([0, .nan, 1, 2]) }
  }
}
