import Archive
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

@Suite struct FlameActivesFormatTests {
  /// A file of two tokens whose first slot's experts are `first`.
  private func file(_ first: [Int64], scores: [Float] = [0.5, 0.25, 0.75, 0.125]) throws -> [UInt8]
  {
    try TorchWriter.file(
      .tuple([
        .float32(scores, shape: [2, 2]), .int64([first[0], 7, first[1], 7], shape: [2, 2]),
      ]))
  }

  @Test func layersOfOneStepAreOneRequest() throws {
    let folder = try TemporaryFolder()
    for (layer, first) in [("10", [3, 4]), ("2", [1, 2])] as [(String, [Int64])] {
      try folder.write(try file(first), to: "step/\(layer)/1-0.pt")
    }
    let requests = try importAll(
      [folder.file("step")], options: ImportOptions(experts: 8))
    #expect(requests.map(\.ids) == [[1, 7, 3, 7, 2, 7, 4, 7]])
    #expect(requests.map(\.prefill) == [2])
    #expect(requests.map(\.task) == ["step"])
    #expect(requests[0].weights == [0.5, 0.25, 0.5, 0.25, 0.75, 0.125, 0.75, 0.125])
    var importer = try TraceImporter(
      [folder.file("step")], options: ImportOptions(experts: 8))
    _ = try importer.next()
    #expect(importer.shape.modelLayers == [1, 9])
  }

  @Test func layersOfOtherTokensAreNotJoined() throws {
    let folder = try TemporaryFolder()
    try folder.write(try file([1, 2]), to: "step/2/1-0.pt")
    try folder.write(ForeignFormat.flameActives.sample.content, to: "step/3/1-0.pt")
    let fault = importFault {
      try importAll([folder.file("step")], options: ImportOptions(experts: 8))
    }
    #expect(fault?.problem == "it has 3 tokens there, but 1-0.pt has 2")
    #expect(fault?.file == folder.file("step/3/1-0.pt"))
  }

  @Test func otherTensorsAreNoPair() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      try TorchWriter.file(.tuple([.int64([1], shape: [1])])), to: "1-0.pt")
    let fault = importFault { try importAll([path], options: ImportOptions(experts: 8)) }
    #expect(fault?.problem == "it is no pair of scores and expert ids, two tensors [tokens, k]")
  }

  /// FLAME-MoE's own files against what its data set says of the same tokens.
  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
  func flamesOwnFilesAreReadWhole() throws {
    let formats = SharedData.path + "/formats/flame"
    let requests = try importAll(
      [formats + "/raw_actives/5473"], options: ImportOptions(experts: 64))
    let request = try #require(requests.first)
    #expect(requests.count == 1)
    for (place, layer) in ["02", "03"].enumerated() {
      let path = formats + "/flame-moe-290m/actives/iter_5473/layer_\(layer).expected.npz"
      let content = FileBytes(limit: 1 << 20)
      try content.read(path)
      let archive = try ZipArchive(content.bytes)
      var ids: [UInt16] = []
      var weights: [Float16] = []
      for member in archive.members {
        try archive.content(of: member) { (content) throws(ArchiveError) in
          let array = try NPYArray(content)
          if member.name == "indices.npy" { ids = try array.ids(experts: 64).ids }
          if member.name == "scores.npy" { weights = try array.weights() }
        }
      }
      let own = (0..<64).flatMap { token in (0..<6).map { (token * 2 + place) * 6 + $0 } }
      #expect(own.map { request.ids[$0] } == ids)
      #expect(own.map { request.weights?[$0] } == weights)
    }
  }
}
