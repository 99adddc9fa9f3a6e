import Archive
import FoundationEssentials
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

@Suite struct SGLangRecorderFormatTests {
  /// The sample: physical ids 8 and 9 are copies of 0 and 1.
  @Test func physicalIDsBecomeLogicalOnes() throws {
    let requests = try sample()
    #expect(requests.map(\.prefill) == [2, 1])
    #expect(requests.map(\.ids) == [[5, 2, 0, 1, 4, 3], [1, 6, 0, 2]])
  }

  private func sample(topK: Int? = nil, edit: ([UInt8]) throws -> [UInt8] = { $0 }) throws
    -> [RequestTrace]
  {
    let folder = try TemporaryFolder()
    let path = try folder.write(edit(ForeignFormat.sglangRecorder.sample.content), to: "r_0.pt")
    return try importAll([path], options: ImportOptions(experts: 8, topK: topK))
  }

  /// A file of one record, with other values for some of its keys.
  private func file(
    _ changes: [String: TorchValue?], map: TorchValue? = .int64([0, 1, 2, 0], shape: [1, 4])
  ) throws -> [UInt8] {
    let usual: [(key: String, value: TorchValue)] = [
      ("forward_pass_id", .integer(3)), ("input_ids", .list([.integer(9), .integer(8)])),
      ("positions", .list([.integer(0), .integer(1)])), ("forward_mode", .integer(1)),
      ("extend_seq_lens", .list([.integer(2)])), ("gatherer_key", .text("primary")),
      ("topk_ids_of_layer", .int32([0, 1, 3, 2], shape: [1, 2, 2])),
    ]
    let pairs = usual.compactMap { key, value in
      (changes[key] ?? value).map { (key: key, value: $0) }
    }
    return try TorchWriter.file(
      .dictionary(
        [("records", .list([.dictionary(pairs)]))]
          + (map.map { [("last_physical_to_logical_map", $0)] } ?? [])))
  }

  /// What is said of such a file.
  private func record(
    _ changes: [String: TorchValue?], map: TorchValue? = .int64([0, 1, 2, 0], shape: [1, 4])
  ) throws -> ImportError? {
    let folder = try TemporaryFolder()
    let path = try folder.write(try file(changes, map: map), to: "r_0.pt")
    return importFault {
      try importAll([path], format: .sglangRecorder, options: ImportOptions(experts: 8))
    }
  }

  @Test func contradictionsAreTold() throws {
    func problem(_ changes: [String: TorchValue?]) throws -> String? {
      try record(changes)?.problem
    }
    #expect(try record([:]) == nil)
    #expect(
      try problem(["extend_seq_lens": .list([.integer(3)])])
        == "its pass 3 has extend_seq_lens [3] that do not add up to its tokens")
    #expect(
      try problem(["positions": .list([.integer(0)])])
        == "its pass 3 has no input_ids and positions of as many tokens")
    #expect(
      try problem(["forward_mode": .integer(5)])?.contains("the forward mode 5, whose rows") == true
    )
    #expect(
      try problem(["topk_ids_of_layer": .int32([0, 1], shape: [1, 1, 2])])
        == "its pass 3 has topk_ids_of_layer of shape [1, 1, 2] for 2 tokens in 1 layers")
    #expect(
      try problem(["topk_ids_of_layer": .int32([0, 1, 4, 2], shape: [1, 2, 2])])
        == "its pass 3 has an expert in layer 0 that is none of its 4 physical ones (4)")
    #expect(
      try problem(["gatherer_key": .text("child_a")])?.contains("a half of the batch") == true)
    #expect(try record([:], map: nil)?.problem.contains("it has no map") == true)
    #expect(
      try record([:], map: .int64([0, 1, 2, 9], shape: [1, 4]))?.problem.contains(
        "expert 9 is outside 0 to 7") == true)
    let counts = try record(["topk_ids_of_layer": nil])
    #expect(counts?.problem.contains("it counts, and does not tell") == true)
    #expect(counts?.remedy.contains("-o PROFILE.h5") == true)
  }

  /// Physical 3 is a copy of 0: both cannot be a token's choice.
  @Test func aSecondCopyIsAnEmptySlot() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      try file(["topk_ids_of_layer": .int32([0, 3, 1, 2], shape: [1, 2, 2])]), to: "r_0.pt")
    var importer = try TraceImporter([path], options: ImportOptions(experts: 8))
    #expect(try importer.next()?.ids == [0, TokenBlock.emptySlot, 1, 2])
    #expect(importer.remarks.map(\.text).contains { $0.hasPrefix("1 choices are of an expert") })
  }

  /// A few bytes must not stand for many rows: records that share one tensor are each counted.
  @Test func recordsMayNotShareTheirNumbers() throws {
    let rows = 400
    let record: [(key: String, value: TorchValue)] = [
      ("forward_pass_id", .integer(3)), ("forward_mode", .integer(1)),
      ("input_ids", .list((0..<rows).map { .integer($0) })),
      ("positions", .list((0..<rows).map { .integer($0) })),
      ("extend_seq_lens", .list([.integer(rows)])),
      (
        "topk_ids_of_layer",
        .int32((0..<8 * rows).map { Int32($0 % 8) }, shape: [1, rows, 8])
      ),
    ]
    let once = try TorchWriter.file(.dictionary(record))
    let members = try once.withUnsafeBytes { bytes in
      let archive = try ZipArchive(bytes)
      return try archive.members.map { member in
        (
          name: member.name,
          content: try archive.content(of: member) { (content) throws(ArchiveError) in
            Array(try content.take(content.remaining))
          }
        )
      }
    }
    // The record is put into the memo, and taken from there twenty times more.
    var pickle: [UInt8] = [0x80, 2, 0x7D, 0x28] + text("records") + [0x5D, 0x28]
    pickle += members[0].content.dropFirst(2).dropLast() + [0x71, 1]
    for _ in 0..<20 { pickle += [0x68, 1] }
    pickle += [0x65] + text("last_physical_to_logical_map")
    pickle += mapOfItself + [0x75, 0x2E]
    let folder = try TemporaryFolder()
    let ids = [Int64](0..<8).withUnsafeBytes { Array($0) }
    let path = try folder.write(
      try ZipWriter.archive(
        [(name: members[0].name, content: pickle)] + members.dropFirst()
          + [(name: "archive/data/9", content: ids)]), to: "r_0.pt")
    let fault = importFault { try importAll([path], options: ImportOptions(experts: 8)) }
    #expect(fault?.problem == "its pass 3 has numbers of other records once more")
  }

  private func text(_ text: String) -> [UInt8] {
    [0x58, UInt8(text.utf8.count), 0, 0, 0] + Array(text.utf8)
  }

  /// A tensor `[1, 8]` of whole numbers of eight bytes in storage 9.
  private var mapOfItself: [UInt8] {
    Array("ctorch._utils\n_rebuild_tensor_v2\n".utf8) + [0x28, 0x28] + text("storage")
      + Array("ctorch\nLongStorage\n".utf8) + text("9") + text("cpu")
      + [0x4B, 8, 0x74, 0x51, 0x4B, 0, 0x28, 0x4B, 1, 0x4B, 8, 0x74, 0x28, 0x4B, 8, 0x4B, 1, 0x74]
      + [0x89] + Array("ccollections\nOrderedDict\n".utf8) + [0x29, 0x52, 0x74, 0x52]
  }

  @Test func passesOfNothingArePassedOver() throws {
    #expect(try record(["forward_mode": .integer(4)])?.problem == "there is no request in it")
  }

  @Test func topKIsThatOfTheWidestEventOrGiven() throws {
    let given = importFault { try sample(topK: 1) }
    #expect(given?.problem == "a token takes 2 experts, but 1 are expected")
    #expect(try sample(topK: 3).map(\.ids.count) == [9, 6])
  }

  /// Both ranks of a tensor-parallel group record the same batch.
  @Test func aCopyOfAnotherRankIsRefused() throws {
    let folder = try TemporaryFolder()
    let content = ForeignFormat.sglangRecorder.sample.content
    let paths = try ["r_0.pt", "r_1.pt"].map { try folder.write(content, to: $0) }
    let fault = importFault { try importAll(paths, options: ImportOptions(experts: 8)) }
    #expect(
      fault?.problem
        == "its pass 7 has the same tokens and experts as that of r_0.pt: both ranks recorded one "
        + "batch")
    #expect(try importAll([paths[0]], options: ImportOptions(experts: 8)).count == 2)
  }

  /// SGLang's own file, to the last id.
  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
  func sglangsOwnFileIsReadWhole() throws {
    struct Expected: Decodable {
      struct Tensor<Value: Decodable>: Decodable { var data: Value }
      struct Record: Decodable {
        var positions: [Int]
        var topkIdsOfLayer: Tensor<[[[Int]]]>
      }
      var records: [Record]
      var lastPhysicalToLogicalMap: Tensor<[[Int]]>
    }
    let path =
      SharedData.path
      + "/formats/sglang/per_token__expert_distribution_recorder_1795460353.1863198_0.pt"
    let json = try Data(contentsOf: URL(filePath: path + ".expected.json"))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let expected = try decoder.decode(Expected.self, from: json)
    // Prompts of 5 and 3 tokens, then two decoded tokens of each: [pass, row] of each token.
    let rows = [
      [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (2, 0)],
      [(0, 5), (0, 6), (0, 7), (1, 1), (2, 1)],
    ]
    let requests = try importAll([path], options: ImportOptions(experts: 16))
    #expect(requests.map(\.prefill) == [5, 3])
    for (request, rows) in zip(requests, rows) {
      let ids = rows.flatMap { pass, row in
        (1..<6).flatMap { layer in
          // The sample's physical ids are drawn at random, so some are copies of one expert.
          var event: [UInt16] = []
          for physical in expected.records[pass].topkIdsOfLayer.data[layer][row].prefix(4) {
            let id = UInt16(expected.lastPhysicalToLogicalMap.data[layer][physical])
            if !event.contains(id) { event.append(id) }
          }
          return event + repeatElement(TokenBlock.emptySlot, count: 4 - event.count)
        }
      }
      #expect(request.ids == ids)
    }
  }

  @Test func everyCutIsATypedError() throws {
    let sample = ForeignFormat.sglangRecorder.sample
    let cut = try cutEverywhere(
      sample.content, named: sample.fileName, format: .sglangRecorder,
      options: ImportOptions(experts: 8))
    #expect(cut.taken == [sample.content.count])
    #expect(cut.untyped == [])
  }
}
