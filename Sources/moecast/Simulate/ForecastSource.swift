import ArgumentParser
import Demand
import Export
import MemoryBudget
import PathText
import RoutingTrace
import SystemPackage

/// What `--forecast` of a simulator names: a forecast of ours, or a file of somebody's.
enum ForecastSource: Hashable {
  /// One of ours.
  case own(ForecastChoice)
  /// Forecasts that `moecast forecast`, or another predictor, has written.
  case file(String)

  /// Its name in tables.
  var name: String {
    switch self {
    case .own(let choice): choice.rawValue
    case .file(let path): path
    }
  }

  /// The forecast of ours that it is; nil for a file.
  var choice: ForecastChoice? {
    if case .own(let choice) = self { choice } else { nil }
  }

  /// The file that it is; nil for a forecast of ours.
  var path: String? {
    if case .file(let path) = self { path } else { nil }
  }

  /// A name of ours, or a file by its suffix or folder.
  init?(_ word: String) {
    if let choice = ForecastChoice(rawValue: word) {
      self = .own(choice)
    } else if word.contains("/")
      || ForecastFormats.names.contains(where: { word.hasSuffix("." + $0) })
    {
      self = .file(word)
    } else {
      return nil
    }
  }

  /// What can be named, for messages.
  static let known =
    names(ForecastChoice.self) + ", or files ("
    + ForecastFormats.names.map { "*." + $0 }
    .joined(separator: ", ") + ")"

  /// The sources of `--forecast`.
  static func list(_ text: String) throws -> [ForecastSource] {
    try commaSeparated(text, "--forecast", known) { ForecastSource($0) }
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
  /// Reads a file of forecasts of a pool's tokens, and says how many of these have none.
  ///
  /// - Throws: ``ForecastFileError``, `Errno`, `MemoryShortage`.
  init(file path: String, _ pool: RequestPool, _ map: PoolMap) throws {
    var collector = Collector(pool, map)
    /// Adds the place to what is wrong there.
    func at<Result>(_ place: String?, _ work: () throws -> Result) throws -> Result {
      do { return try work() } catch let fault as ForecastFault {
        throw ForecastFileError(place: path + (place.map { ", " + $0 } ?? ""), fault: fault)
      }
    }
    let name = FilePath(text: path)
    do {
      let file = try FileDescriptor.open(name, .readOnly, options: .closeOnExec)
      defer { try? file.close() }
      // What was read of a pipe could not be read again.
      let isFile = try name.stat().type == .regular
      if isFile, try firstBytes(of: name, count: 2) == Array("PK".utf8) {
        let bytes = try wholeFile(file, path)
        try bytes.withUnsafeBytes { bytes in
          let archive = try at(nil) { try ForecastNPZReader(bytes) }
          for row in 0..<archive.rows {
            try at("row \(row)") { try collector.add(try archive.record(row)) }
          }
        }
      } else {
        var lines = LineInput(file, limit: 1 << 20)
        var reader: ForecastLineReader?
        var number = 0
        while let line = try lines.next() {
          number += 1
          try at("line \(number)") {
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
      }
    } catch let error as Errno {
      throw ForecastFileError(
        place: path,
        fault: ForecastFault("it cannot be read: \(error)", remedy: "name a file of forecasts"))
    }
    self = collector.chances()
    sayGaps(of: path)
  }

  /// Says of which events the file has no forecast.
  private func sayGaps(of path: String) {
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

extension RecordedLoads {
  /// Reads a NumPy archive with an array `forecast` `[steps, layers, experts]`; nil for a file of
  /// another kind.
  ///
  /// - Throws: ``ForecastFileError``, `MemoryShortage`.
  init?(file path: String, _ pool: RequestPool) throws {
    let name = FilePath(text: path)
    do {
      // What was read of a pipe could not be read again.
      guard try name.stat().type == .regular, try firstBytes(of: name, count: 2) == Array("PK".utf8)
      else { return nil }
      let file = try FileDescriptor.open(name, .readOnly, options: .closeOnExec)
      defer { try? file.close() }
      let found = try wholeFile(file, path).withUnsafeBytes { try ForecastNPZReader.loads(in: $0) }
      guard let found else { return nil }
      try found.check(layers: pool.shape.layers, experts: pool.shape.experts)
      self = found
    } catch let fault as ForecastFault {
      throw ForecastFileError(place: path, fault: fault)
    } catch is Errno {
      // Whoever reads it as a file of events says why it cannot be read.
      return nil
    }
  }
}

/// All bytes of a file, where there is memory for them.
private func wholeFile(_ file: FileDescriptor, _ path: String) throws -> [UInt8] {
  let size = Int(try file.seek(offset: 0, from: .end))
  try file.seek(offset: 0, from: .start)
  // Its columns are kept beside it, as 64-bit numbers at most.
  try AvailableMemory.ofThisProcess().check(
    MemoryDemand("the forecasts of \(path)", bytes: 3 * size))
  return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
    while count < size {
      let room = UnsafeMutableRawBufferPointer(
        rebasing: UnsafeMutableRawBufferPointer(buffer)[count...])
      let got = try file.read(into: room)
      if got == 0 { break }
      count += got
    }
  }
}
