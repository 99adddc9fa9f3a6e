import FoundationEssentials
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// What a set of `../shared/traces` must give.
///
/// The figures come from Python (json, csv, numpy), which read the same files on its own: with `x`
/// the ids of all requests in order, token-major, `sum = x.sum()` and
/// `positional = (x * (1 + arange(len(x)))).sum()`, which also fixes the order.
struct RealSet: Sendable, CustomTestStringConvertible {
  var name: String
  /// Path below `../shared/traces`: a folder, or a tar archive of one.
  var path: String
  var format: ForeignFormat
  var model: String
  var prefillGiven: Int?
  var requests: Int
  var tokens: Int
  var prefill: Int
  var sum: Int
  var positional: Int
  /// Sum of the gate weights in half precision, or nil where there are none.
  var weights: Double?

  var testDescription: String { name }

  static let all = [
    RealSet(
      name: "Llama-4 Maverick", path: "llama4-maverick-mmlu.tar.xz", format: .paperJSON,
      model: "llama-4-maverick", requests: 60, tokens: 9483, prefill: 1803, sum: 14_620_916,
      positional: 1_661_947_875_692),
    RealSet(
      name: "GPT-OSS-20B", path: "gpt-oss-20b-fingerprinting.tar.xz", format: .gptOSS,
      model: "gpt-oss-20b", requests: 64, tokens: 18475, prefill: 0, sum: 27_504_188,
      positional: 24_360_799_780_359, weights: 443_398.72549438477),
    RealSet(
      name: "tiny-moe", path: "tiny-moe", format: .npz, model: "tiny-moe", requests: 140,
      tokens: 26740, prefill: 13440, sum: 81_203_678, positional: 104_229_581_729_386,
      weights: 320_880.02809244394),
    RealSet(
      name: "Mixtral-8x7B", path: "mixtral-8x7b-vllm", format: .vllmNPY, model: "mixtral-8x7b",
      prefillGiven: 16215, requests: 1, tokens: 16470, prefill: 16215, sum: 3_668_696,
      positional: 1_936_441_267_374),
    RealSet(
      name: "MoE-Beyond", path: "deepseek-v2-lite-moe-beyond.tar.xz", format: .moeBeyond,
      model: "deepseek-v2-lite", requests: 250, tokens: 22620, prefill: 22620, sum: 110_986_270,
      positional: 195_878_329_383_378),
    // Ids in descending gate weight, equal weights in the order of the file.
    RealSet(
      name: "ESFT", path: "deepseek-v2-lite-esft.tar.xz", format: .esft,
      model: "deepseek-v2-lite", requests: 140, tokens: 16701, prefill: 16701, sum: 81_802_490,
      positional: 106_550_885_324_144, weights: 157_722.25086915493),
  ]
}

@Suite(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
struct RealTraceTests {
  @Test(arguments: RealSet.all)
  func importsWhole(_ set: RealSet) throws {
    let folder = try TemporaryFolder()
    let input = try SharedData.traces(set.path, in: folder)
    var importer = try TraceImporter(
      [input],
      options: ImportOptions(model: ModelShape.named(set.model), prefill: set.prefillGiven))
    #expect(importer.format == set.format)
    var prefill = 0
    var sum = 0
    var positional = 0
    var position = 0
    var weights = 0.0
    while let request = try importer.next() {
      prefill += request.prefill
      request.ids.withUnsafeBufferPointer { ids in
        var i = 0
        while i < ids.count {
          position &+= 1
          sum &+= Int(ids[i])
          positional &+= Int(ids[i]) &* position
          i += 1
        }
      }
      weights += request.weights?.reduce(0) { $0 + Double($1) } ?? 0
      #expect(request.weights?.count ?? request.ids.count == request.ids.count)
    }
    #expect(importer.requests == set.requests)
    #expect(importer.tokens == set.tokens)
    #expect(prefill == set.prefill)
    #expect(sum == set.sum)
    #expect(positional == set.positional)
    #expect(importer.isWeighted == (set.weights != nil))
    #expect(abs(weights - (set.weights ?? 0)) <= 1e-9 * weights)
    #expect(importer.bytesRead == importer.totalBytes)
  }

  /// Archives give what their folders do.
  @Test(arguments: RealSet.all.filter { $0.path.hasSuffix(".tar.xz") })
  func archivesNeedNotBeUnpacked(_ set: RealSet) throws {
    let folder = try TemporaryFolder()
    let options = ImportOptions(model: ModelShape.named(set.model))
    var unpacked = try TraceImporter([SharedData.traces(set.path, in: folder)], options: options)
    var packed = try TraceImporter([SharedData.path + "/traces/" + set.path], options: options)
    #expect(packed.format == set.format)
    while let request = try unpacked.next() { #expect(try packed.next() == request) }
    #expect(try packed.next() == nil)
  }

  @Test func taskLabelsOfTinyMoE() throws {
    let requests = try importAll(
      [SharedData.path + "/traces/tiny-moe"],
      options: ImportOptions(model: ModelShape.named("tiny-moe")))
    #expect(Set(requests.map(\.task)).count == 7)
    #expect(requests.first?.task == "german")
    #expect(requests.last?.name == "139")
  }
}
