import Chart
import DurableFile
import PathText
import ReportPage
import SystemPackage

/// Every figure as a file in a new folder, which appears whole or not at all: its data as CSV, or its
/// picture.
struct ReportFolder {
  private let folder: DurableFolder

  /// - Throws: `FileError` where something stands there.
  init(_ path: String) throws { folder = try DurableFolder(FilePath(text: path)) }

  /// Writes a picture a figure, named by it.
  ///
  /// - Throws: `FileError`.
  func writePictures(of report: ResearchReport) throws {
    for (_, figure) in report.figures {
      guard let picture = figure.picture else { continue }
      let name = figure.id + ".svg"
      try append(picture, to: name)
      try folder.close(name)
    }
    try folder.commit()
  }

  /// Writes a table a figure, named by it.
  ///
  /// - Throws: `FileError`.
  func writeTables(of report: ResearchReport) throws {
    for (_, figure) in report.figures {
      let name = figure.id + ".csv"
      let data = figure.plot.data
      try append([data.columns], to: name)
      for start in stride(from: 0, to: data.rows.count, by: 4096) {
        let rows = data.rows[start..<min(data.rows.count, start + 4096)]
        try append(rows.map { $0.map(\.cell) }, to: name)
      }
      try folder.close(name)
    }
    try folder.commit()
  }

  private func append(_ lines: [[String]], to name: String) throws {
    try append(lines.map { csvLine($0) + "\n" }.joined(), to: name)
  }

  private func append(_ text: String, to name: String) throws {
    try Array(text.utf8).withUnsafeBytes { try folder.append($0, to: name) }
  }
}

extension PlotValue {
  /// The value as one cell of CSV, numbers in full.
  fileprivate var cell: String {
    switch self {
    case .text(let text): text
    case .integer(let integer): "\(integer)"
    case .number(let number): "\(number)"
    case .none: ""
    }
  }
}
