import Foundation
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// Recordings of people in which something is absent, in `../shared`, beside what numpy makes of
/// them by the rule's words alone.
@Suite(
  .enabled(if: SharedData.isPresent, "\(SharedData.absence)"),
  .enabled(if: Python.has("numpy"), "\(Python.absence("numpy"))"))
struct FieldAbsenceTests {
  private struct Expected: Decodable {
    var ids: [UInt16]
    var prefill: Int
  }

  private func field(_ path: String) throws -> String {
    let path = SharedData.path + "/field/" + path
    try #require(FileManager.default.fileExists(atPath: path), "\(path) is absent")
    return path
  }

  /// - Parameter first: layers at the front that are dense.
  @Test(
    arguments: [
      ("01-dense-layer-minus-one/dense0.npy", "deepseek-v2-lite", 64, 8, 1, [0, 0, 0]),
      ("01-dense-layer-minus-one/dense_neg.npy", "deepseek-v2-lite", 64, 8, 1, [0, 0, 0]),
      ("03-all-zero-topk/prefixzero.npy", "qwen3-30b-a3b", 128, 20, 0, [16, 768, 0]),
      ("05-missing-and-padded-ids/sent_i16.npy", nil, 16, 6, 0, [1, 6, 0]),
      ("05-missing-and-padded-ids/slot_-1.npy", nil, 16, 6, 0, [0, 0, 1]),
      ("05-missing-and-padded-ids/padE.npy", nil, 64, 3, 0, [0, 0, 1]),
    ] as [(String, String?, Int, Int, Int, [Int])])
  func arraysAreReadAsNumPyReadsThem(
    path: String, model: String?, experts: Int, prefill: Int, first: Int, absent: [Int]
  ) throws {
    let path = try field(path)
    let text = try Python.run(Self.reader, path, "\(experts)", "\(first)", "\(prefill)")
    let expected = try JSONDecoder().decode(Expected.self, from: Data(text.utf8))
    var importer = try TraceImporter(
      [path],
      options: model.map { ImportOptions(model: ModelShape.named($0), prefill: prefill) }
        ?? ImportOptions(experts: experts, prefill: prefill))
    let request = try #require(try importer.next())
    #expect(try importer.next() == nil)
    #expect(request.ids == expected.ids)
    #expect(request.prefill == expected.prefill)
    let found = importer.omissions.absent
    #expect([found.tokens, found.events, found.slots] == absent)
  }

  @Test func archivesAreReadWhole() throws {
    let dense = try importAll(
      [field("01-dense-layer-minus-one/dense_neg.npz")],
      options: ImportOptions(model: ModelShape.named("deepseek-v2-lite")))
    let array = try importAll(
      [field("01-dense-layer-minus-one/dense_neg.npy")],
      options: ImportOptions(model: ModelShape.named("deepseek-v2-lite"), prefill: 8))
    #expect(dense.map(\.ids) == array.map(\.ids))
    for name in ["two.npz", "two_notok.npz"] {
      let path = try field("07-prompt-routed-experts/" + name)
      let joined = try importAll([path], options: ImportOptions(experts: 16))
      let text = try Python.run(
        """
        import json, sys, numpy
        z = numpy.load(sys.argv[1])
        rows = numpy.concatenate([z["prompt_routed_experts"], z["routed_experts"]])
        print(json.dumps({"ids": rows.flatten().tolist(), "prefill": 10}))
        """, path)
      let expected = try JSONDecoder().decode(Expected.self, from: Data(text.utf8))
      #expect(joined.map(\.ids) == [expected.ids])
      #expect(joined.map(\.prefill) == [expected.prefill])
    }
  }

  @Test(
    arguments: [("zero_546x40x8.npy", nil, 256, 546), ("zero_48.npy", "qwen3-30b-a3b", 128, 20)]
      as [(String, String?, Int, Int)])
  func recordingsOfZerosAreCalledSo(
    name: String, model: String?, experts: Int, tokens: Int
  ) throws {
    let path = try field("03-all-zero-topk/" + name)
    let fault = importFault {
      try importAll(
        [path],
        options: model.map { ImportOptions(model: ModelShape.named($0), prefill: 5) }
          ?? ImportOptions(experts: experts, prefill: 5))
    }
    #expect(fault?.kind == .recordedNothing)
    #expect(fault?.problem.hasPrefix("no event of its \(tokens) tokens holds an expert") == true)
  }

  @Test func shortListsAreEmptySlots() throws {
    let empty = TokenBlock.emptySlot
    // [[1, 2], [3]] in layer 1 of the table, and of the lists [[0, 1], [2]], [[4, 5], [6, 7]].
    let table = try importAll(
      [field("05-missing-and-padded-ids/vark.csv")], options: ImportOptions(experts: 64))
    #expect(table.map(\.ids) == [[1, 2, 1, 2, 3, empty, 3, 4]])
    let lists = try importAll(
      [field("05-missing-and-padded-ids/vark.json")], options: ImportOptions(experts: 8))
    #expect(lists.map(\.ids) == [[0, 1, 4, 5, 2, empty, 6, 7]])
  }

  @Test func whatIsNotAskedForStopsNothing() throws {
    let without = { ImportOptions(experts: $0, readsWeights: false) }
    for (path, experts, requests) in [
      ("wnan.npz", 128, 1), ("g_nan.json", 32, 1), ("mixed", 128, 2),
    ] {
      let read = try importAll([field("08-no-weights/" + path)], options: without(experts))
      #expect(read.count == requests, "\(path)")
      #expect(read.allSatisfy { $0.weights == nil && !$0.ids.isEmpty }, "\(path)")
    }
    for (path, experts) in [("g_rowstr.json", 32), ("g_catnull.json", 32), ("nonetask.npz", 128)] {
      let read = try importAll(
        [field("15-label-stops-import/" + path)], options: ImportOptions(experts: experts))
      #expect(read.count == 1, "\(path)")
    }
  }

  /// Empty slots behind the others, events of nothing but zeros empty, tokens without a route at
  /// the end left out.
  private static let reader = """
    import json, sys, numpy
    path, experts, first, prefill = sys.argv[1], *map(int, sys.argv[2:])
    rows = numpy.load(path).astype(int)[:, first:]
    out = []
    for token in rows.tolist():
      events = []
      for event in token:
        ids = [i for i in event if i not in (-1, experts)] if any(event) else []
        events.append(ids + [65535] * (len(event) - len(ids)))
      out.append(events)
    while all(i == 65535 for event in out[-1] for i in event): out.pop()
    print(json.dumps({"ids": numpy.array(out).flatten().tolist(), "prefill": min(prefill, len(out))}))
    """
}
