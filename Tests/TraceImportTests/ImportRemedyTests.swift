import Archive
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// A remedy is tried on the input that made it: what it says is done, and the import goes through.
@Suite struct ImportRemedyTests {
  /// An input with a fault, what is said of it, and the same once the remedy was followed.
  struct Case: CustomTestStringConvertible, Sendable {
    var name: String
    var content: [UInt8]
    var options = ImportOptions(experts: 8, prefill: 1)
    var problem: String
    var remedy: String
    var helped: (content: [UInt8], options: ImportOptions)

    var testDescription: String { problem }
  }

  private static func json(_ text: String) -> [UInt8] { Array(text.utf8) }
  private static let given = ImportOptions(experts: 8, prefill: 1)
  private static let array = npy32([2, 1, 2], [1, 2, 3, 4])

  private static func archive(_ arrays: [(String, [UInt8])]) -> [UInt8] {
    (try? ZipWriter.archive(arrays.map { ($0.0 + ".npy", $0.1) })) ?? []
  }

  private static func event(_ ids: String, _ weights: String) -> [UInt8] {
    json(
      "{\"router_data\": [{\"t\": {\"layer_0\": {\"selected_experts\": \(ids), "
        + "\"selected_probs\": \(weights)}}}]}")
  }

  static let cases: [Case] = [
    Case(
      name: "a.npy", content: npy32([2, 1, 2], [1, 2, 3, 7]),
      options: ImportOptions(experts: 4, prefill: 1), problem: "expert 7 is outside 0 to 3",
      remedy: "give the shape or the --experts of the model",
      helped: (npy32([2, 1, 2], [1, 2, 3, 7]), given)),
    Case(
      name: "a.npy", content: array, options: ImportOptions(experts: 8, prefill: 3),
      problem: "its prompt has 3 tokens, but it has only 2 in all",
      remedy: "give the true length with --prefill", helped: (array, given)),
    Case(
      name: "a.npy", content: array, options: ImportOptions(experts: 8),
      problem: "it does not say how many", remedy: "give --prefill N", helped: (array, given)),
    Case(
      name: "a.npy", content: npy("<f4", shape: [1, 1, 2], content: Array(repeating: 0, count: 8)),
      problem: "its elements are not whole numbers", remedy: "array.astype('int32')",
      helped: (npy32([1, 1, 2], [1, 2]), given)),
    Case(
      name: "a.npy", content: npy("|b1", shape: [1, 1, 2], content: [0, 1]),
      problem: "its element type '|b1' is not known", remedy: "array.astype('int32')",
      helped: (npy32([1, 1, 2], [0, 1]), given)),
    Case(
      name: "a.npy", content: npy32([2, 2], [1, 2, 3, 4]), problem: "its shape is [2, 2] instead",
      remedy: "one array [tokens, layers, k]", helped: (array, given)),
    Case(
      name: "a.npz",
      content: archive([
        ("routed_experts", array), ("prompt_token_ids", npy32([3], [1, 2, 3])),
        ("output_token_ids", npy32([2], [4, 5])),
      ]), options: ImportOptions(experts: 8), problem: "it has 2 rows for 3 prompt and 2 output",
      remedy: "save the prompt's rows as prompt_routed_experts",
      helped: (
        archive([
          ("routed_experts", array),
          ("prompt_routed_experts", npy32([3, 1, 2], [1, 2, 3, 4, 5, 6])),
          ("prompt_token_ids", npy32([3], [1, 2, 3])), ("output_token_ids", npy32([2], [4, 5])),
        ]), ImportOptions(experts: 8)
      )),
    Case(
      name: "a.npz",
      content: archive([("routed_experts", array), ("prompt_token_ids", npy32([2], [1, 2]))]),
      options: ImportOptions(experts: 8, prefill: 1),
      problem: "its prompt has 2 tokens, but 1 are given", remedy: "leave --prefill out",
      helped: (
        archive([("routed_experts", array), ("prompt_token_ids", npy32([2], [1, 2]))]),
        ImportOptions(experts: 8)
      )),
    Case(
      name: "1.json", content: json("[{\"1\": [[1, 2, 3]]}]"),
      options: ImportOptions(experts: 8, topK: 2), problem: "3 expert ids; an event has at most 2",
      remedy: "--top-k",
      helped: (json("[{\"1\": [[1, 2, 3]]}]"), ImportOptions(experts: 8, topK: 3))),
    Case(
      name: "1.json", content: json("[{\"1\": [[1, 9]]}]"), options: ImportOptions(experts: 8),
      problem: "expert 9 is outside 0 to 7", remedy: "--experts",
      helped: (json("[{\"1\": [[1, 9]]}]"), ImportOptions(experts: 10))),
    Case(
      name: "1.json", content: event("[1, 2]", "[NaN, 1]"), options: ImportOptions(experts: 8),
      problem: "a gate weight is not a number", remedy: "--no-weights",
      helped: (event("[1, 2]", "[NaN, 1]"), ImportOptions(experts: 8, readsWeights: false))),
    Case(
      name: "1.json", content: event("[1, 2]", "[1]"), options: ImportOptions(experts: 8),
      problem: "1 selected_probs for 2 selected_experts", remedy: "--no-weights",
      helped: (event("[1, 2]", "[1]"), ImportOptions(experts: 8, readsWeights: false))),
    Case(
      name: "1.json", content: event("[1, 2]", "[1e9, 1]"), options: ImportOptions(experts: 8),
      problem: "gate weight inf is not a finite number", remedy: "--no-weights",
      helped: (event("[1, 2]", "[1e9, 1]"), ImportOptions(experts: 8, readsWeights: false))),
    Case(
      name: "expert_weights_1.txt", content: json("1\t2\t3\t\t1\t2\t3\n"),
      options: ImportOptions(experts: 8, topK: 2), problem: "3 ids are not a multiple of top-2",
      remedy: "--top-k", helped: (json("1\t2\t3\t\t1\t2\t3\n"), ImportOptions(experts: 8, topK: 3))),
    Case(
      name: "expert_weights_1.txt", content: json("1\t2\t\t1\tnan\n"),
      options: ImportOptions(experts: 8, topK: 2), problem: "a gate weight is not a number",
      remedy: "--no-weights",
      helped: (json("1\t2\t\t1\tnan\n"), ImportOptions(experts: 8, topK: 2, readsWeights: false))),
    Case(
      name: "expert_weights_1.txt", content: json("1\t2\t\t1\t2\n"),
      options: ImportOptions(experts: 8), problem: "ESFT files do not say how many",
      remedy: "--top-k K", helped: (json("1\t2\t\t1\t2\n"), ImportOptions(experts: 8, topK: 2))),
    Case(
      name: "1.csv", content: table("1,0,a,\"[1]\"\n2,0,a,\"[2]\"\n1,0,b,\"[3]\"\n2,0,b,\"[4]\"\n"),
      options: ImportOptions(experts: 8), problem: "layer 1 begins again",
      remedy: "sort the rows by Layer ID, those of a layer in the order of the tokens",
      helped: (
        table("1,0,a,\"[1]\"\n1,0,b,\"[3]\"\n2,0,a,\"[2]\"\n2,0,b,\"[4]\"\n"),
        ImportOptions(experts: 8)
      )),
    Case(
      name: "1.csv", content: table("1,0,a,\"[1]\"\n1,1,b,\"[3]\"\n"),
      options: ImportOptions(experts: 8), problem: "batch 1 follows batch 0",
      remedy: "split the table into one file a batch",
      helped: (table("1,1,b,\"[3]\"\n"), ImportOptions(experts: 8))),
    Case(
      name: "1.csv", content: table("1,0,a,\"[1, 2, 3]\"\n"),
      options: ImportOptions(experts: 8, topK: 2), problem: "3 expert ids; an event has at most 2",
      remedy: "--top-k",
      helped: (table("1,0,a,\"[1, 2, 3]\"\n"), ImportOptions(experts: 8, topK: 3))),
  ]

  private static func table(_ rows: String) -> [UInt8] {
    json("Layer ID,Batch Number,Token,Activated Expert IDs\n" + rows)
  }

  @Test(arguments: cases)
  func helps(_ one: Case) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(one.content, to: one.name)
    let fault = importFault { try importAll([path], options: one.options) }
    let said = fault.map { "\($0.problem); \($0.remedy)" } ?? "no error"
    #expect(fault?.problem.hasPrefix(one.problem) == true, "\(said)")
    #expect(fault?.remedy.contains(one.remedy) == true, "\(said)")
    try folder.write(one.helped.content, to: one.name)
    #expect(try !importAll([path], options: one.helped.options).isEmpty)
  }

  /// Requests that contradict each other or a sidecar.
  @Test func sidecarsThatClaimTooMuch() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Self.array, to: "a.npy")
    try folder.write(Self.json("{\"input_token_count\": 5}"), to: "a.json")
    let fault = importFault { try importAll([path], options: ImportOptions(experts: 8)) }
    #expect(fault?.remedy == "mend its number of prompt tokens, or take it out and give --prefill")
    try folder.write(Self.json("{}"), to: "a.json")
    #expect(try importAll([path], options: Self.given).count == 1)
    try folder.write(Self.json("{\"input_token_count\": 2}"), to: "a.json")
    #expect(try importAll([path], options: ImportOptions(experts: 8)).count == 1)
  }
}
