import FoundationEssentials
import PathText
import Serving
import SystemPackage

/// A file of arrival times: a number of seconds a line, or CSV with a column of seconds or dates.
struct ArrivalFile {
  /// When requests arrive; dates count from the first.
  let arrivals: Arrivals

  /// The columns by which a CSV tells arrivals.
  private static let secondsColumn = "arrived_at"
  private static let datesColumn = "TIMESTAMP"
  /// Bytes that such a file may have.
  private static let maximumBytes = 1 << 28

  /// - Throws: ``ArrivalFileError`` naming the line.
  init(_ path: String) throws {
    let bytes: [UInt8]
    do {
      bytes = try firstBytes(of: FilePath(text: path), count: Self.maximumBytes + 1)
    } catch {
      throw ArrivalFileError(path, nil, "cannot be read: \(error)", "check the path")
    }
    guard bytes.count <= Self.maximumBytes else {
      throw ArrivalFileError(
        path, nil, "is larger than \(Self.maximumBytes >> 20) MiB", "take fewer arrivals")
    }
    let lines = String(decoding: bytes, as: UTF8.self)
      .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .map { trimmed($0) }
    guard let first = lines.first(where: { !$0.isEmpty }) else {
      throw ArrivalFileError(path, nil, "has no line", "give a number of seconds a line")
    }
    let names = first.split(separator: ",", omittingEmptySubsequences: false).map(trimmed)
    let column = names.firstIndex { [Self.secondsColumn, Self.datesColumn].contains($0) }
    guard column != nil || Double(first) != nil else {
      throw ArrivalFileError(
        path, 1,
        "is no number, and no column is called \(Self.secondsColumn) or \(Self.datesColumn)",
        "give a number of seconds a line, or name the column")
    }
    let isDated = column.map { names[$0] == Self.datesColumn } ?? false
    var seconds: [Double] = []
    for (index, line) in lines.enumerated() where !line.isEmpty {
      if column != nil, seconds.isEmpty, line == first { continue }
      let cells = line.split(separator: ",", omittingEmptySubsequences: false)
      let place = column ?? 0
      let cell = place < cells.count ? trimmed(cells[place]) : ""
      guard let time = isDated ? Self.date(cell) : Double(cell), time.isFinite, time >= 0 else {
        throw ArrivalFileError(
          path, index + 1, "'\(cell)' is no time",
          isDated ? "dates are as 2023-11-16 18:17:03.979" : "give seconds from 0 on")
      }
      seconds.append(time)
    }
    let begin = isDated ? seconds.min() ?? 0 : 0
    arrivals = try Arrivals(seconds.map { $0 - begin })
  }

  /// Seconds since 1970 of `2023-11-16 18:17:03.9799600`, with T for the blank or Z behind it, too.
  private static func date(_ text: String) -> Double? {
    let fields = text.split { !$0.isNumber && $0 != "." }.map { Double($0) }
    guard fields.count == 6, let year = fields[0], let month = fields[1], let day = fields[2],
      let hour = fields[3], let minute = fields[4], let second = fields[5],
      (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day), hour < 24,
      minute < 60, second < 61
    else { return nil }
    var parts = DateComponents()
    (parts.year, parts.month, parts.day) = (Int(year), Int(month), Int(day))
    var calendar = Calendar(identifier: .gregorian)
    guard let zone = TimeZone(secondsFromGMT: 0) else { return nil }
    calendar.timeZone = zone
    return calendar.date(from: parts).map {
      $0.timeIntervalSince1970 + 3600 * hour + 60 * minute + second
    }
  }
}

/// Without blanks, line ends and a byte order mark around it.
private func trimmed(_ text: Substring) -> String {
  let isBlank: (Character) -> Bool = { $0.isWhitespace || $0 == "\u{FEFF}" }
  return String(String(text.drop(while: isBlank).reversed()).drop(while: isBlank).reversed())
}

/// What is wrong with a file of arrivals.
struct ArrivalFileError: Error, CustomStringConvertible {
  let description: String

  init(_ file: String, _ line: Int?, _ problem: String, _ remedy: String) {
    description = "\(file)\(line.map { ", line \($0)" } ?? ""): \(problem); \(remedy)"
  }
}
