import TestSupport
import Testing

@testable import TraceImport

/// The plain way of reading rows beside the one that takes them line by line.
@Suite struct LlamaRowsTests {
  /// What reading a table gives: its layers' events, or the fault and its line.
  private enum Outcome: Equatable {
    case request(ids: [UInt16], tokens: Int, steps: [Int], prefill: Int?)
    case fault(String, remedy: String, line: Int?)
  }

  private func outcome(_ read: () throws(ImportError) -> LoggedRequest) -> Outcome {
    do throws(ImportError) {
      let request = try read()
      let raw = request.request(over: request.columns.map(\.layer).sorted())
      return .request(
        ids: raw.ids, tokens: raw.tokens, steps: request.steps, prefill: raw.prefill)
    } catch {
      return .fault(error.problem, remedy: error.remedy, line: error.line)
    }
  }

  /// Reads `text` line by line.
  private func careful(
    _ rows: some LlamaRows, _ lines: LineReader
  ) throws(ImportError) -> LoggedRequest {
    var rows = rows
    func fault(_ problem: String, _ remedy: String) -> ImportError {
      ImportError(
        .malformed, file: lines.file, line: lines.line, problem: problem, remedy: remedy)
    }
    while let line = try lines.next() {
      do throws(ChoiceGatherer.Problem) { try rows.add(line) } catch {
        throw fault(error.text, error.remedy)
      }
    }
    do throws(ChoiceGatherer.Problem) { try rows.finish() } catch {
      throw fault(error.text, error.remedy)
    }
    guard let request = rows.gatherer.take() else {
      throw fault("the table has no rows", "record it again, or leave it out")
    }
    return request
  }

  /// Reads `text` both ways, which must agree; whether it is a table.
  private func compare(_ text: [UInt8], _ rows: some LlamaRows) throws -> Bool {
    let folder = try TemporaryFolder()
    let path = try folder.write(text, to: "a.csv")
    let (first, second) = (
      try LineReader(found(path), limit: 1 << 20), try LineReader(found(path), limit: 1 << 20)
    )
    let plain = outcome { () throws(ImportError) in
      var rows = rows
      return try rows.read(first)
    }
    let slow = outcome { () throws(ImportError) in try careful(rows, second) }
    #expect(plain == slow, "\(String(decoding: text, as: UTF8.self))")
    if case .request = slow { return true }
    return false
  }

  /// Rows of each kind, of a prompt of three tokens and six that were decoded, in two layers.
  private static func table(_ kind: Int, _ write: (Int) -> String, end: String) -> [UInt8] {
    let steps = [0..<3] + (3..<9).map { $0..<$0 + 1 }
    var text = ""
    for step in steps {
      for (layer, token) in [4, 70].flatMap({ layer in step.map { (layer, $0) } }) {
        let ids = (0..<2).map { (token * 5 + layer + $0 * 7) % 300 }
        switch kind {
        case 0:
          for (rank, id) in ids.enumerated() {
            text += (token < 3 ? "prefill" : "decode") + ","
            text += [token, layer, rank, id].map(write).joined(separator: ",") + end
          }
        case 1: for id in ids { text += write(layer) + "," + write(id) + end }
        default: text += ([token, layer] + ids).map(write).joined(separator: ",") + end
        }
      }
    }
    return Array(text.utf8)
  }

  private func compare(_ text: [UInt8], kind: Int) throws -> Bool {
    func gatherer(_ topK: Int?) -> ChoiceGatherer {
      ChoiceGatherer(topK: topK, tellsPrompt: kind == 0, stepEnd: .layer)
    }
    switch kind {
    case 0: return try compare(text, LlamaPhaseRows(gatherer: gatherer(nil)))
    case 1: return try compare(text, LlamaChoiceRows(gatherer: gatherer(2), topK: 2))
    default: return try compare(text, LlamaEventRows(gatherer: gatherer(nil)))
    }
  }

  @Test(arguments: 0..<3, ["\n", "\r\n", "\r\r\n", " \n", "\n\n", ",\n"])
  func bothWaysAgree(kind: Int, end: String) throws {
    let isTable = end != "\n\n" && end != ",\n" && end != "\r\r\n"
    let writes: [(Int) -> String] = [
      { "\($0)" }, { "0\($0)" }, { "000\($0)" }, { "00000\($0)" }, { "000000\($0)" }, { " \($0)" },
    ]
    for write in writes {
      let text = Self.table(kind, write, end: end)
      #expect(try compare(text, kind: kind) == isTable)
      #expect(try compare(Array(text.dropLast(end.utf8.count)), kind: kind) == isTable)
    }
  }

  /// Any byte may be another, any may lack.
  @Test(arguments: 0..<3)
  func bothWaysAgreeOnDamagedTables(kind: Int) throws {
    let text = Self.table(kind, { "\($0)" }, end: "\n")
    var (tables, faults) = (0, 0)
    for place in stride(from: 0, to: text.count, by: 3) {
      for byte in [nil, 0x0A, 0x0D, 0x20, 0x22, 0x2C, 0x2D, 0x30, 0x37, 0x78, 0xFF] as [UInt8?] {
        var damaged = text
        damaged.replaceSubrange(place...place, with: byte.map { [$0] } ?? [])
        if try compare(damaged, kind: kind) { tables += 1 } else { faults += 1 }
      }
    }
    #expect(tables > 50)
    #expect(faults > 50)
  }

  @Test(arguments: ["-1", "9", "12345", "123456789", "1234567890", "65535", "65536", "", "\"7\""])
  func oddFieldsAreThoseOfTheCarefulWay(_ field: String) throws {
    for (kind, rows) in [
      (
        0, ["prefill,#,1,0,5", "prefill,1,#,0,5", "prefill,1,1,#,5", "decode,1,1,0,#", "#,1,1,0,5"]
      ),
      (1, ["#,5", "1,#", "1,5,#"]), (2, ["#,1,5,6", "1,#,5,6", "1,1,#,6", "1,1,5,#"]),
    ] {
      let good = [
        "prefill,0,0,0,1\nprefill,0,0,1,2\n", "0,1\n0,2\n", "0,0,1,2\n",
      ]
      for row in rows {
        let odd = row.replacing("#", with: field)
        _ = try compare(Array((good[kind] + odd + "\n").utf8), kind: kind)
        _ = try compare(Array((good[kind] + odd + "\n" + good[kind]).utf8), kind: kind)
        _ = try compare(Array((odd + "\n" + good[kind]).utf8), kind: kind)
      }
    }
  }

  /// More rows than are in memory at once, one of the last damaged.
  @Test func longTablesAgree() throws {
    var text = ""
    for token in 0..<9000 {
      for layer in [0, 3] { text += "\(token),\(layer),\(token % 256),\(token % 7 + 300)\n" }
    }
    #expect(try compare(Array(text.utf8), kind: 2))
    let damaged = text.dropLast(40) + "x" + text.suffix(40)
    #expect(try !compare(Array(damaged.utf8), kind: 2))
  }

  /// More ids than an event can have, and the numbers of a fault.
  @Test func wideEventsAgree() throws {
    for width in [1, 12, 20, 64, 65, 70] {
      let ids = (0..<width).map { "\($0)" }.joined(separator: ",")
      _ = try compare(Array("0,0,\(ids)\n1,0,\(ids)\n2,0,\(ids),7\n".utf8), kind: 2)
      let ranks = (0..<width).map { "decode,0,0,\($0),\($0)\n" }.joined()
      _ = try compare(Array((ranks + "decode,1,0,0,1\n").utf8), kind: 0)
    }
  }
}
