import Archive
import FoundationEssentials
import LoadProfile
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

@Suite struct LoadProfileImporterTests {
  private func profile(
    _ text: String, named name: String = "a.csv", options: ImportOptions = ImportOptions()
  ) throws -> LoadProfile {
    let folder = try TemporaryFolder()
    return try importCounts([try folder.write(Array(text.utf8), to: name)], options: options)
  }

  private func fault(
    _ text: String, named name: String = "a.csv", options: ImportOptions = ImportOptions()
  ) -> ImportError? {
    do {
      _ = try profile(text, named: name, options: options)
      return nil
    } catch { return error as? ImportError }
  }

  @Test func ranksAreAddedUpWindowByWindow() throws {
    let folder = try TemporaryFolder()
    try folder.write(Array("step,layer,expert,count\n1,0,0,2\n2,0,1,3\n".utf8), to: "1.csv")
    try folder.write(Array("step,layer,expert,count\n2,0,1,4\n3,0,0,1\n".utf8), to: "2.csv")
    let sum = try importCounts([folder.path])
    #expect(sum.windows == [1, 2, 3])
    #expect(sum.counts == [2, 0, 0, 7, 1, 0])
    #expect(sum.windowKind == "step")
  }

  /// Tensor-parallel ranks count one batch: added up, it would be there twice.
  @Test func aCopyIsRefused() throws {
    let folder = try TemporaryFolder()
    for name in ["rank0.safetensors", "rank1.safetensors"] {
      try folder.write(CountsFormat.tensorRTStatistics.sample.content, to: name)
    }
    let error = #expect(throws: ImportError.self) { try importCounts([folder.path]) }
    #expect(
      error?.problem == "it has the same counts as rank0.safetensors: both counted one batch")
  }

  @Test func columnsMayStandInAnyOrderBesideOthers() throws {
    let rows = "expert_id,name,tokens,layer_id\r\n1,a,5,7\r\n0,b,2.0,7\r\n1,c, 1 ,7\r\n\r\n"
    let profile = try profile(rows)
    #expect(profile.layers == [7])
    #expect(profile.counts == [2, 6])
    #expect(profile.windowKind == "whole")
  }

  @Test func rowsThatAreNoCountsAreTold() {
    let bad = fault("layer,expert,count\n0,1,5\n0,x,1\n")
    #expect(bad?.line == 3)
    #expect(bad?.problem == "whole numbers from 0 expected under layer, expert and count")
    #expect(fault("layer,expert,count\n0,1,-5\n")?.line == 2)
    #expect(fault("layer,expert,count\n0,1\n")?.line == 2)
    #expect(fault("layer,expert,count\n0,1,1.5\n")?.line == 2)
    #expect(fault("layer,expert,count\n0,40000,1\n")?.problem.contains("not possible") == true)
    #expect(fault("layer,expert,count\n0,1,0\n")?.kind == .recordedNothing)
  }

  /// Layers that a model has and nobody counted are there, and those it has not are an error.
  @Test func aModelSaysWhichLayersRoute() throws {
    let model = try #require(ModelShape.named("mixtral-8x7b"))
    let options = ImportOptions(model: model)
    let some = try profile("layer,expert,count\n3,0,5\n4,7,1\n", options: options)
    #expect(some.layers == Array(model.moeLayers))
    #expect(some.topK == 2)
    #expect(some.model == "mixtral-8x7b")
    #expect(some.counts[3 * 8] == 5)
    #expect(some.choices == 6)
    #expect(
      fault("layer,expert,count\n99,7,5\n", options: options)?.problem
        == "it has 1 layers, but mixtral-8x7b has 32, 32 of them MoE layers")
    #expect(
      fault("layer,expert,count\n3,6,5\n", options: options)?.problem
        == "it counts 7 experts, but 8 are given")
  }

  @Test func denseLayersAndEmptyWindowsAreLeftOut() throws {
    let json = #"{"x": [{"y": "}"}], "logical_count": [[[0,0],[1,2]],[[0,0],[0,0]],[[0,0],[3,4]]]}"#
    let profile = try profile(json, named: "a.json")
    #expect(profile.layers == [1])
    #expect(profile.windows == [0, 2])
    #expect(profile.counts == [1, 2, 3, 4])
  }

  @Test(arguments: [
    #"{"logical_count": [[1, 2], [3]]}"#, #"{"logical_count": [[1, -2]]}"#,
    #"{"logical_count": [[1, 2.5]]}"#, #"{"logical_count": [1, 2]}"#,
    #"{"logical_count": [[[[1]]]]}"#, #"{"logical_count": [[1, [2]]]}"#,
    #"{"logical_count": [[1, 2]"#, #"{"logical_count": [[99999999999999999999]]}"#,
    #"{"logical_count": [[1, 2]]} x"#, #"{"logical_count": [[1e3, 2]]}"#,
  ])
  func listsThatAreNoCountsAreMalformed(_ json: String) {
    #expect(fault(json, named: "a.json")?.kind == .malformed)
    #expect(fault(json, named: "a.json")?.byte != nil)
  }

  @Test func depthIsBounded() {
    let deep = String(repeating: "[", count: 100_000)
    #expect(
      fault(#"{"logical_count": [[1]], "a": \#(deep)}"#, named: "a.json")?.problem
        == "more than 64 levels")
  }

  /// Physical experts 4 and 5 are copies of 0 and 1.
  @Test func vLLMsLoadsAreThoseOfLogicalExperts() throws {
    let sample = CountsFormat.eplbLoad.sample
    let profile = try profile(
      String(decoding: sample.content, as: UTF8.self), named: sample.fileName)
    #expect(profile.windows == [7, 8])
    #expect(profile.counts == [7, 1, 0, 2, 2, 1, 0, 2])
    let other = #"{"record_type": "eplb_load_stats", "expert_load": [[1, 2]], "p2l_map": [[0]]}"#
    #expect(
      fault(other, named: "l.json")?.problem
        == "its record 1 has no expert_load and p2l_map of one shape")
  }

  @Test func theSidecarTellsTopK() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      CountsFormat.tensorRTStatistics.sample.content, to: "rank0.safetensors")
    #expect(try importCounts([path]).topK == nil)
    try folder.write(
      Array(#"{"num_experts": 4, "num_experts_per_token": 2}"#.utf8), to: "meta_info.json")
    #expect(try importCounts([path]).topK == 2)
    try folder.write(
      Array(#"{"num_experts": 8, "num_experts_per_token": 2}"#.utf8), to: "meta_info.json")
    let error = #expect(throws: ImportError.self) { try importCounts([path]) }
    #expect(error?.problem == "it says 8 experts, but the counts are of 4")
  }

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
  func tensorRTsRanksAreAddedUp() throws {
    let profile = try importCounts([SharedData.path + "/formats/trtllm/expert_statistic"])
    #expect(profile.windows == [100, 101])
    #expect(profile.layers == [3, 4, 5])
    #expect(profile.topK == 4)
    // Iteration 100, layer 3, of rank 0 and of rank 1, as Python's safetensors reads them.
    let zero = [0, 1, 2, 2, 2, 5, 2, 3, 4, 1, 2, 2, 3, 2, 1, 0]
    let one = [2, 1, 2, 2, 1, 1, 0, 5, 2, 3, 0, 5, 2, 1, 4, 1]
    #expect(profile.counts.prefix(16).map { Int($0) } == zip(zero, one).map(+))
    #expect(profile.choices == 384)
  }

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
  func llamasCountsAreThoseExpected() throws {
    let folder = SharedData.path + "/formats/llamacpp/"
    let expected = try JSONDecoder().decode(
      [String: [Double]].self,
      from: Data(contentsOf: URL(filePath: folder + "expected_counts.json")))
    let profile = try importCounts([folder + "imatrix.gguf"])
    #expect(profile.layers == [1, 2])
    for (place, layer) in profile.layers.enumerated() {
      #expect(
        profile.counts[place * 16..<(place + 1) * 16].map { Double($0) } == expected["\(layer)"])
    }
  }

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
  func sglangsCountsAreThoseExpected() throws {
    struct Tensor<Value: Decodable>: Decodable { var data: Value }
    struct Steps: Decodable { var logicalCount: Tensor<[[[UInt64]]]> }
    struct Passes: Decodable {
      struct Record: Decodable { var globalPhysicalCount: Tensor<[[UInt64]]> }
      var records: [Record]
      var lastPhysicalToLogicalMap: Tensor<[[Int]]>
    }
    let folder = SharedData.path + "/formats/sglang/"
    func expected<Value: Decodable>(_ path: String, as type: Value.Type) throws -> Value {
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      return try decoder.decode(
        type, from: Data(contentsOf: URL(filePath: path + ".expected.json")))
    }
    let stat = folder + "stat__expert_distribution_recorder_1795460353.1696732.pt"
    let steps = try expected(stat, as: Steps.self).logicalCount.data
    // Layer 0 is dense, and the recorder had room for a fourth step.
    #expect(try importCounts([stat]).counts == steps[..<3].flatMap { $0[1...].flatMap(\.self) })
    let pass = folder + "per_pass__expert_distribution_recorder_1795460353.1849802_0.pt"
    let passes = try expected(pass, as: Passes.self)
    let counts = passes.records.flatMap { record in
      (1..<6).flatMap { layer in
        var sums = [UInt64](repeating: 0, count: 16)
        for (physical, count) in record.globalPhysicalCount.data[layer].enumerated() {
          sums[passes.lastPhysicalToLogicalMap.data[layer][physical]] += count
        }
        return sums
      }
    }
    let profile = try importCounts([pass])
    #expect(profile.counts == counts)
    #expect(profile.windows == [100, 101, 102])
  }
}
