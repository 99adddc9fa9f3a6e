import Archive
import Demand
import FoundationEssentials

/// Forecasts read back from lines of text, ours or another predictor's: what
/// ``ForecastJSONLines`` and ``ForecastCSV`` write, of which `request`, `token`, `layer` and
/// `experts` are needed. Without `horizon` it is 1; without `chances` all experts told are alike;
/// `chosen` is held against the trace; what else there is counts for nothing.
///
/// ```swift
/// var lines = try ForecastLineReader(first: "{\"request\": 0, \"token\": 3, ...")
/// let record = try lines.record(of: line)
/// ```
public struct ForecastLineReader {
  /// A line of JSON.
  private struct Line: Decodable {
    var request: UInt64?
    var token: Int?
    var layer: Int?
    var horizon: Int?
    var experts: [Int]?
    var chances: [Float]?
    var chosen: [Int]?
    var step: Int?
  }

  /// Where the columns of a table stand; nil for JSON lines.
  private let columns: [String: Int]?

  /// A reader of the file whose first line this is: a JSON object, or a table's names of columns.
  ///
  /// - Throws: `Demand/ForecastFault` where it is neither, or of batches.
  public init(first line: String) throws(ForecastFault) {
    guard !line.drop(while: \.isWhitespace).hasPrefix("{") else {
      columns = nil
      return
    }
    let names = line.split(separator: ",", omittingEmptySubsequences: false).map {
      String($0.filter { !$0.isWhitespace })
    }
    let columns = Dictionary(
      names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    guard columns["step"] == nil || columns["request"] != nil else { throw Self.ofBatches }
    for name in ["request", "token", "layer", "experts"] where columns[name] == nil {
      throw ForecastFault(
        "it is no file of forecasts: neither JSON lines nor a table with a column \(name)",
        remedy: "give what moecast forecast writes, or the same from another predictor")
    }
    self.columns = columns
  }

  /// Whether the first line tells names and no forecast.
  public var startsWithNames: Bool { columns != nil }

  /// The forecast of a line.
  ///
  /// - Throws: `Demand/ForecastFault` where it is none.
  /// - Complexity: O(bytes of the line).
  public func record(of line: String) throws(ForecastFault) -> ForecastRecord {
    guard let columns else { return try Self.record(ofJSON: line) }
    let fields = line.split(separator: ",", omittingEmptySubsequences: false)
    func field(_ name: String) -> Substring? {
      columns[name].flatMap { $0 < fields.count ? fields[$0] : nil }
    }
    func number<Value: LosslessStringConvertible>(
      _ name: String, _ absent: Value? = nil
    ) throws(ForecastFault) -> Value {
      if field(name) ?? "" == "", let absent { return absent }
      guard let value = Value(String(field(name) ?? "")) else {
        throw ForecastFault(
          "its \(name) is '\(field(name) ?? "")', no number", remedy: "leave the line out")
      }
      return value
    }
    func list<Value: LosslessStringConvertible>(
      _ name: String
    ) throws(ForecastFault) -> [Value] {
      let words = (field(name) ?? "").split(separator: " ")
      let values = words.compactMap { Value(String($0)) }
      guard values.count == words.count else {
        throw ForecastFault(
          "its \(name) are no numbers parted by blanks", remedy: "leave the line out")
      }
      return values
    }
    let chances: [Float] = try list("chances")
    let experts: [Int] = try list("experts")
    let chosen: [Int] = try list("chosen")
    return ForecastRecord(
      request: try number("request"), position: try number("token"), layer: try number("layer"),
      horizon: try number("horizon", 1), experts: experts,
      chances: chances.isEmpty && !experts.isEmpty ? nil : chances,
      chosen: chosen.isEmpty ? nil : chosen)
  }

  private static func record(ofJSON line: String) throws(ForecastFault) -> ForecastRecord {
    let read: Line
    do { read = try JSONDecoder().decode(Line.self, from: Data(line.utf8)) } catch {
      throw ForecastFault(
        "not a JSON object with request, token, layer, experts of their types",
        remedy: "leave the line out, or write it again")
    }
    guard read.step == nil || read.request != nil else { throw ofBatches }
    guard let request = read.request, let token = read.token, let layer = read.layer,
      let experts = read.experts
    else {
      throw ForecastFault(
        "it lacks one of request, token, layer, experts", remedy: "leave the line out")
    }
    return ForecastRecord(
      request: request, position: token, layer: layer, horizon: read.horizon ?? 1,
      experts: experts, chances: read.chances, chosen: read.chosen)
  }

  /// What is said of a file of batches.
  static let ofBatches = ForecastFault(
    "it forecasts batches, not events", remedy: "write it with moecast forecast without --batch")
}

/// Forecasts read back from a NumPy archive, ours or another predictor's: what ``ForecastNPZ``
/// writes, of which `request`, `token`, `layer` `[events]` and `ids` `[events, n]` (-1 behind the
/// last) are needed.
public struct ForecastNPZReader {
  private let columns: [String: [Int]]
  private let chances: [Float]?
  /// Experts told, and chosen, of a row at most; nothing is said of what was chosen where 0.
  private let width: Int
  private let chosenWidth: Int
  /// Rows of the archive.
  public let rows: Int

  /// Reads all columns of the archive that fills `bytes`.
  ///
  /// - Throws: `Demand/ForecastFault` where it is none of forecasts.
  public init(_ bytes: UnsafeRawBufferPointer) throws(ForecastFault) {
    do throws(ArchiveError) {
      let archive = try ZipArchive(bytes)
      func member(_ name: String) -> ZipArchive.Member? {
        archive.members.first { $0.name == name + ".npy" }
      }
      if member("request") == nil, member("step") != nil {
        throw ArchiveError(
          ForecastLineReader.ofBatches.problem, remedy: ForecastLineReader.ofBatches.remedy)
      }
      func column(_ name: String) throws(ArchiveError) -> (values: [Int], shape: [Int])? {
        guard let member = member(name) else { return nil }
        return try archive.content(of: member) { (content) throws(ArchiveError) in
          let array = try NPYArray(content)
          return (try array.wholeNumbers(), array.shape)
        }
      }
      func needed(_ name: String) throws(ArchiveError) -> (values: [Int], shape: [Int]) {
        guard let found = try column(name) else {
          throw ArchiveError(
            "it has no array \(name)", remedy: "give what moecast forecast writes, or the same")
        }
        return found
      }
      let ids = try needed("ids")
      guard ids.shape.count == 2 else {
        throw ArchiveError("its ids have \(ids.shape.count) axes, not 2: events and experts")
      }
      let rows = ids.shape[0]
      (self.rows, width) = (rows, ids.shape[1])
      var columns = ["ids": ids.values]
      for name in ["request", "token", "layer"] { columns[name] = try needed(name).values }
      columns["horizon"] =
        try column("horizon")?.values ?? Array(repeating: 1, count: rows)
      let chosen = try column("chosen")
      guard chosen.map({ $0.shape.count == 2 && $0.shape[0] == rows }) ?? true else {
        throw ArchiveError("its chosen has other axes than events and experts")
      }
      chosenWidth = chosen?.shape[1] ?? 0
      columns["chosen"] = chosen?.values
      for (name, values) in columns where !["ids", "chosen"].contains(name) && values.count != rows
      {
        throw ArchiveError("its \(name) has \(values.count) values for \(rows) rows of ids")
      }
      var chances: [Float]?
      if let member = member("chances") {
        chances = try archive.content(of: member) { (content) throws(ArchiveError) in
          try NPYArray(content).realNumbers()
        }
        guard chances?.count == ids.values.count else {
          throw ArchiveError("its chances are not as many as its ids")
        }
      }
      (self.columns, self.chances) = (columns, chances)
    } catch {
      throw ForecastFault(error.problem, remedy: error.remedy)
    }
  }

  /// The loads in an archive that has an array `forecast` `[steps, layers, experts]` in place of
  /// events; nil where it has none.
  ///
  /// - Throws: `Demand/ForecastFault` where it is no archive, or the array is none of loads.
  public static func loads(
    in bytes: UnsafeRawBufferPointer
  ) throws(ForecastFault) -> RecordedLoads? {
    let found: (values: [Float], shape: [Int])?
    do throws(ArchiveError) {
      let archive = try ZipArchive(bytes)
      guard let member = archive.members.first(where: { $0.name == "forecast.npy" }) else {
        return nil
      }
      found = try archive.content(of: member) { (content) throws(ArchiveError) in
        let array = try NPYArray(content)
        guard array.shape.count == 3 else {
          throw ArchiveError(
            "its forecast has \(array.shape.count) axes, not 3: steps, layers and experts")
        }
        return (try array.numbers(), array.shape)
      }
    } catch {
      throw ForecastFault(error.problem, remedy: error.remedy)
    }
    guard let (values, shape) = found else { return nil }
    return try RecordedLoads(
      steps: shape[0], layers: shape[1], experts: shape[2], values: values)
  }

  /// The forecast of a row.
  ///
  /// - Precondition: `row` is below ``rows``.
  /// - Throws: `Demand/ForecastFault` where its request's number is negative.
  public func record(_ row: Int) throws(ForecastFault) -> ForecastRecord {
    func value(_ name: String) -> Int { columns[name]?[row] ?? 0 }
    guard let request = UInt64(exactly: value("request")) else {
      throw ForecastFault("its request is negative", remedy: "leave the row out")
    }
    let all = row * width..<(row + 1) * width
    let ids = columns["ids"]?[all].prefix { $0 >= 0 } ?? []
    let chosen =
      columns["chosen"]?[row * chosenWidth..<(row + 1) * chosenWidth]
      .prefix { $0 >= 0 } ?? []
    return ForecastRecord(
      request: request, position: value("token"), layer: value("layer"),
      horizon: value("horizon"), experts: Array(ids),
      chances: chances.map { Array($0[all].prefix(ids.count)) },
      chosen: chosen.isEmpty ? nil : Array(chosen))
  }
}

extension NPYArray {
  /// All elements, which are whole numbers of any width; those beyond 63 bits are refused.
  fileprivate func wholeNumbers() throws(ArchiveError) -> [Int] {
    switch element {
    case .unsigned(1): try whole(UInt8.self)
    case .unsigned(2): try whole(UInt16.self)
    case .unsigned(4): try whole(UInt32.self)
    case .unsigned: try whole(UInt64.self)
    case .signed(1): try whole(Int8.self)
    case .signed(2): try whole(Int16.self)
    case .signed(4): try whole(Int32.self)
    case .signed: try whole(Int64.self)
    default:
      throw ArchiveError(
        "its elements are not whole numbers", remedy: "write it with array.astype('int32')")
    }
  }

  /// All elements, which are numbers of any kind.
  fileprivate func numbers() throws(ArchiveError) -> [Float] {
    switch element {
    case .unsigned, .signed: try wholeNumbers().map { Float($0) }
    default: try realNumbers()
    }
  }

  /// All elements, which are floating-point numbers.
  fileprivate func realNumbers() throws(ArchiveError) -> [Float] {
    switch element {
    case .float(2): try values(UInt16.self) { Float(Float16(bitPattern: $0)) }
    case .float(4): try values(UInt32.self) { Float(bitPattern: $0) }
    case .float(8): try values(UInt64.self) { Float(Double(bitPattern: $0)) }
    default:
      throw ArchiveError(
        "its chances, or its forecast, are not numbers",
        remedy: "write it with array.astype('float32')")
    }
  }

  private func whole<Value: FixedWidthInteger>(_: Value.Type) throws(ArchiveError) -> [Int] {
    var isBeyond = false
    let values = try values(Value.self) { value in
      isBeyond = isBeyond || Int(exactly: value) == nil
      return Int(truncatingIfNeeded: value)
    }
    guard !isBeyond else { throw ArchiveError("it holds a number beyond 63 bits") }
    return values
  }

  private func values<Value: FixedWidthInteger, Result>(
    _: Value.Type, _ convert: (Value) -> Result
  ) throws(ArchiveError) -> [Result] {
    let bytes = try content.take(content.remaining)
    return (0..<count).map {
      convert(bytes.littleEndian(at: $0 * MemoryLayout<Value>.size, as: Value.self))
    }
  }
}
