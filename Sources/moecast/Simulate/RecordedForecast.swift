import Demand
import Export
import MemoryBudget
import PathText
import RoutingTrace
import SystemPackage

/// What a file forecasts.
enum RecordedForecast {
  /// Events, one by one.
  case events(RecordedChances)
  /// The loads of whole batches, step by step.
  case loads(RecordedLoads)

  /// Reads a file of forecasts of a pool's tokens, and says how many of these have none.
  ///
  /// - Throws: ``ForecastFileError``, `MemoryShortage`.
  init(file path: String, _ pool: RequestPool, _ map: PoolMap) throws {
    let name = FilePath(text: path)
    do {
      // What was read of a pipe could not be read again.
      let isFile = try name.stat().type == .regular
      if isFile, try firstBytes(of: name, count: 2) == Array("PK".utf8) {
        self = try Self.archive(path, Int(try name.stat().size), pool, map)
      } else {
        self = .events(try Self.lines(path, pool, map))
      }
    } catch let error as Errno {
      throw ForecastFileError(
        place: path,
        fault: ForecastFault("it cannot be read: \(error)", remedy: "name a file of forecasts"))
    }
    if case .events(let chances) = self { chances.sayGaps(of: path) }
  }

  /// What it tells of a schedule.
  func forecast(_ name: String, _ schedule: BatchSchedule) -> any DemandForecast {
    switch self {
    case .events(let chances): chances.forecast(name, schedule)
    case .loads(let loads): loads.forecast(name)
    }
  }

  /// The horizons of which it tells; nil where it tells of whole batches.
  var horizons: [Int]? {
    if case .events(let chances) = self { chances.horizons } else { nil }
  }

  private static func archive(
    _ path: String, _ size: Int, _ pool: RequestPool, _ map: PoolMap
  ) throws -> RecordedForecast {
    // Its columns are kept beside it, as 64-bit numbers at most.
    try AvailableMemory.ofThisProcess().check(
      MemoryDemand("the forecasts of \(path)", bytes: 3 * size))
    return try firstBytes(of: FilePath(text: path), count: size).withUnsafeBytes { bytes in
      if let loads = try at(path, { try ForecastNPZReader.loads(in: bytes) }) {
        try at(path) { try loads.check(layers: pool.shape.layers, experts: pool.shape.experts) }
        return .loads(loads)
      }
      var collector = RecordedChances.Collector(pool, map)
      let archive = try at(path) { try ForecastNPZReader(bytes) }
      for row in 0..<archive.rows {
        try at("\(path), row \(row)") { try collector.add(try archive.record(row)) }
      }
      return .events(collector.chances())
    }
  }

  private static func lines(
    _ path: String, _ pool: RequestPool, _ map: PoolMap
  ) throws -> RecordedChances {
    let file = try FileDescriptor.open(
      FilePath(text: path), .readOnly, options: .closeOnExec)
    defer { try? file.close() }
    var collector = RecordedChances.Collector(pool, map)
    var lines = LineInput(file, limit: 1 << 20)
    var reader: ForecastLineReader?
    var number = 0
    while let line = try lines.next() {
      number += 1
      try at("\(path), line \(number)") {
        guard case .text(let text) = line else {
          throw ForecastFault("it is longer than 1 MB", remedy: "give one forecast a line")
        }
        if text.allSatisfy(\.isWhitespace) { return }
        let known = try reader ?? ForecastLineReader(first: text)
        defer { reader = known }
        if reader == nil, known.startsWithNames { return }
        try collector.add(try known.record(of: text))
      }
    }
    return collector.chances()
  }

  /// Adds the place to what is wrong there.
  private static func at<Result>(_ place: String, _ work: () throws -> Result) throws -> Result {
    do { return try work() } catch let fault as ForecastFault {
      throw ForecastFileError(place: place, fault: fault)
    }
  }
}

/// A forecast in a file that cannot be replayed, with its place.
struct ForecastFileError: Error, CustomStringConvertible {
  /// The file, and in it the line or row.
  let place: String
  /// What is wrong, and what to do.
  let fault: ForecastFault

  var description: String { "\(place): \(fault.problem); \(fault.remedy)" }
}

extension RecordedChances {
  /// Says of which events the file has no forecast.
  fileprivate func sayGaps(of path: String) {
    guard !gaps.isEmpty else {
      return complain("moecast: \(path): no forecast of these tokens; nothing is staged by it")
    }
    for gap in gaps where gap.missing > 0 {
      let ahead =
        gap.horizon == 0 ? "of the next token" : "\(counted(gap.horizon, "layer")) ahead"
      complain(
        "moecast: \(path): \(grouped(gap.missing)) of \(counted(gap.events, "event")) have no "
          + "forecast \(ahead); nothing is staged for them")
    }
  }
}
