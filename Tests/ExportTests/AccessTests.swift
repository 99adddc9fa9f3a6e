import Forecast
import FoundationEssentials
import Prequential
import RoutingTrace
import TestSupport
import Testing
import TraceImport

@testable import Export

/// Streams of accesses for cache simulators.
@Suite struct AccessTests {
  /// A record of oracleGeneral.
  private struct Record: Hashable {
    var time: Int
    var object: Int
    var size: Int
    var next: Int
  }

  private func records(_ bytes: [UInt8]) -> [Record] {
    func number(_ at: Int, _ count: Int) -> UInt64 {
      (0..<count).reduce(0) { $0 | UInt64(bytes[at + $1]) << (8 * $1) }
    }
    return stride(from: 0, to: bytes.count, by: 24).map {
      Record(
        time: Int(number($0, 4)), object: Int(number($0 + 4, 8)), size: Int(number($0 + 12, 4)),
        next: Int(Int64(bitPattern: number($0 + 16, 8))))
    }
  }

  /// What the trace's requests access, by the definition.
  private func expected(_ requests: [RequestTrace], size: Int) -> [Record] {
    var all: [Record] = []
    var time = 0
    for request in requests {
      for (index, id) in request.ids.enumerated() where id != TokenBlock.emptySlot {
        let layer = [1, 2, 5][index % 9 / 3]
        all.append(
          Record(time: time + index / 9, object: layer * 12 + Int(id), size: size, next: -1))
      }
      time += request.ids.count / 9
    }
    for index in all.indices {
      let later = all[(index + 1)...].firstIndex { $0.object == all[index].object }
      all[index].next = later ?? -1
    }
    return all
  }

  @Test(arguments: [4, 16, 4096])
  func everyRecordKnowsItsNextAccess(_ chunkTokens: Int) throws {
    let (requests, blocks) = try sampleBlocks(chunkTokens: chunkTokens)
    var settings = ExportSettings()
    settings.objectSize = 7
    let output = try exported(blocks, by: OracleGeneral.self, settings)
    #expect(records(output.output) == expected(requests, size: 7))
  }

  /// Windows of any length give the same, so the bound on memory changes nothing.
  @Test(arguments: [1, 5, 40, 1000])
  func windowsDoNotShow(_ window: Int) {
    var random = SplitMix64(seed: 3)
    let blocks = (0..<30).map { _ in
      (0..<Int.random(in: 0..<9, using: &random)).map { _ in
        UInt32.random(in: 0..<11, using: &random)
      }
    }
    let all = blocks.flatMap { $0 }
    var next = NextAccesses(objects: 11, window: window)
    var access = 0
    for block in blocks {
      next.beginBlock()
      for object in block {
        next.note(Int(object), at: access)
        access += 1
      }
    }
    var found: [Int] = []
    var waiting: [UInt32] = []
    var windows = 0
    func take() {
      found += next.next(inWindow: windows, from: found.count, waiting)
      windows += 1
      waiting = []
    }
    for block in blocks {
      if next.isFull(waiting.count) { take() }
      waiting += block
    }
    take()
    #expect(
      found == all.indices.map { index in all[(index + 1)...].firstIndex(of: all[index]) ?? -1 })
  }

  @Test func theTextsHaveTheSameAccesses() throws {
    let (requests, blocks) = try sampleBlocks()
    let all = expected(requests, size: 1)
    let csv = try exported(blocks, by: AccessCSV.self).lines()
    #expect(csv[0] == "time,obj_id,obj_size")
    #expect(csv.dropFirst().elementsEqual(all.map { "\($0.time),\($0.object),1" }))
    let loads = try exported(blocks, by: ChampSimLoads.self).lines()
    #expect(
      loads
        == all.enumerated().map { number, access in
          "\(number), \(access.time), \(String(access.object * 64, radix: 16)), "
            + "\(access.object / 12 + 1), 0"
        })
  }

  /// The sample that was made elsewhere of the same ids has the same bytes.
  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
  func theSampleIsMadeAgain() throws {
    let formats = SharedData.path + "/formats/"
    var importer = try TraceImporter(
      [formats + "npz/problem_id_0.npz"], options: ImportOptions(experts: 16))
    let request = try #require(try importer.next())
    let blocks = try chunks(of: [request], shape: importer.shape).map(\.block)
    for (exporter, file) in [
      (OracleGeneral.self as any TraceExporter.Type, "trace.oracleGeneral.bin"),
      (AccessCSV.self, "trace.csv"),
    ] {
      let wanted = Array(
        try Data(contentsOf: URL(filePath: formats + "libcachesim/" + file)))
      #expect(try exported(blocks, by: exporter).output == wanted, "\(file)")
    }
  }

  /// A forecast stands before the first access of its layer, or so many layers before that as it
  /// looks ahead, and is the model's own.
  @Test(arguments: [1, 2])
  func prefetchesStandBeforeWhatTheyForecast(_ horizon: Int) throws {
    let blocks = try sampleBlocks().blocks
    let spec = horizon == 1 ? "layer-markov" : "mixture-fast:h2"
    let learner = try sampleLearner(predictors: [spec])
    var pass = ForecastPass(learner, of: 0, learns: false)
    pass.ranking = ForecastRanking(top: 2)
    var settings = ExportSettings()
    settings.prefetching = Prefetching(pass)
    let output = try exported(blocks, by: AccessCSV.self, settings)
    let accesses = output.lines().dropFirst().map {
      $0.split(separator: ",").compactMap { Int($0) }
    }
    let lines = output.lines(".prefetches.csv")
    #expect(lines[0] == "access,time,obj_id,obj_size,chance")
    var wanted: [String] = []
    var tokens = 0
    for block in blocks {
      var inBlock = -1
      var last: (UInt64, Int)?
      try pass.consume(block) { forecast in
        if last?.0 != forecast.request || last?.1 != forecast.position { inBlock += 1 }
        last = (forecast.request, forecast.position)
        let time = tokens + inBlock
        let from = blocks[0].shape.modelLayers[max(0, forecast.layer - horizon + 1)]
        // By the list of accesses itself: the first of this token at that layer or behind it.
        let access = accesses.firstIndex { $0[0] == time && $0[1] / 12 >= from }
        for (expert, chance) in zip(forecast.experts, forecast.chances) {
          let object = blocks[0].shape.modelLayers[forecast.layer] * 12 + Int(expert)
          wanted.append("\(access ?? -1),\(time),\(object),1,\(chance)")
        }
      }
      tokens += block.tokens
    }
    #expect(lines.count > 100 && lines.dropFirst().elementsEqual(wanted))
  }

  @Test func aModelOfAnotherShapeIsRefused() throws {
    let shape = try TraceShape(modelLayers: [0], experts: 4, topK: 1)
    var settings = ExportSettings()
    settings.prefetching = Prefetching(
      ForecastPass(try Learner(shape: shape, predictors: ["frequency"]), of: 0, learns: false))
    let header = TraceHeader(shape: try sampleBlocks().blocks[0].shape)
    // At once, before the trace is read.
    #expect(throws: LearnerError.self) { try OracleGeneral(header, settings) }
  }
}
