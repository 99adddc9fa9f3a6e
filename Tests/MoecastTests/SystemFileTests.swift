import FoundationEssentials
import RoutingTrace
import TestSupport
import Testing
import Wafer

@testable import moecast

/// Systems from files, and files about them.
@Suite struct SystemFileTests {
  private let folder: TemporaryFolder
  private let trace: String

  init() throws {
    folder = try TemporaryFolder()
    trace = try folder.randomTrace("mixtral-8x7b")
  }

  private func text(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: folder.file(name))), as: UTF8.self)
  }

  /// What `--json` says of the system makes the same system again.
  @Test func theWholeSystemIsInTheResults() throws {
    let system = try SystemDescription(
      json: Array(#"{"base": "sow", "columns": 4}"#.utf8), from: "mine.json")
    guard case .object(let members) = system.report else {
      Issue.record("a system is an object")
      return
    }
    #expect(members["base"] == .text("sow") && members["columns"] == .number(4))
    #expect(members["name"] == .text("mine"))
    var again = Hardware()
    for key in Hardware.keys {
      switch members[key] {
      case .number(let number): try again.set(key, to: .number(number))
      case .text(let text): try again.set(key, to: .text(text))
      case .list(let tiers): #expect(key == "tiers" && tiers.isEmpty)
      default: Issue.record("\(key) is missing")
      }
    }
    #expect(again == system.hardware)
    guard case .list(let inherited) = members["inherited"] else {
      Issue.record("inherited keys are a list")
      return
    }
    #expect(inherited.contains(.text("rows")) && !inherited.contains(.text("columns")))
  }

  @Test func mapsAndTimelinesAreWritten() throws {
    let arguments = ["simulate", trace, "--wafer", "dojo", "--strategy", "base", "--batch", "16"]
    let map = folder.file("map.svg")
    let table = folder.file("map.csv")
    let timeline = folder.file("line.json")
    try moecastRun(arguments + ["--load-map", map, "--engine", "event", "--timeline", timeline])
    try moecastRun(arguments + ["--load-map", table])
    let svg = try text("map.svg")
    #expect(svg.hasPrefix("<svg xmlns=") && svg.contains("die 24 to die 19"))
    let lines = try text("map.csv").split(separator: "\n")
    // 25 dies' compute and memory, 80 links.
    #expect(lines.count == 1 + 25 + 25 + 80)
    #expect(lines[0] == "resource,name,busy_seconds,share")
    #expect(lines.contains { $0.hasPrefix("link,0>1,") })
    struct Events: Decodable {
      struct Event: Decodable {
        let ph: String
        let pid: Int
        let tid: Int
        let ts: Double?
        let dur: Double?
      }
      let traceEvents: [Event]
    }
    let events = try JSONDecoder().decode(
      Events.self, from: Data(contentsOf: URL(filePath: timeline)))
    let spans = events.traceEvents.filter { $0.ph == "X" }
    #expect(spans.count > 100)
    #expect(spans.allSatisfy { $0.ts ?? -1 >= 0 && $0.dur ?? 0 > 0 })
    // Perfetto takes process 0 for the idle one, and refuses what overlaps by a nanosecond.
    #expect(Set(spans.map(\.pid)).isSubset(of: [1, 2, 3]))
    for (_, own) in Dictionary(grouping: spans, by: \.tid) {
      #expect(Set(own.map(\.pid)).count == 1)
      func nanoseconds(_ value: Double?) -> Int { Int(((value ?? 0) * 1000).rounded()) }
      let sorted = own.sorted { nanoseconds($0.ts) < nanoseconds($1.ts) }
      #expect(
        zip(sorted, sorted.dropFirst()).allSatisfy {
          nanoseconds($0.ts) + nanoseconds($0.dur) <= nanoseconds($1.ts)
        })
    }
    // A file of another kind stays.
    let other = try folder.write(Array("mine".utf8), to: "notes.svg")
    #expect(throws: (any Error).self) { try moecastRun(arguments + ["--load-map", other]) }
    #expect(try text("notes.svg") == "mine")
    try moecastRun(arguments + ["--load-map", other, "--force"])
    #expect(try text("notes.svg").hasPrefix("<svg"))
  }

  /// 32 layers of 8 experts of 352 MB are 90 GB: one die of 72 does not hold them.
  @Test(arguments: ["strategies", "sweep"]) func homesMustFit(command: String) throws {
    let arguments =
      ["simulate", command, trace, "--wafer", "dojo", "--set", "columns=1", "--set", "rows=1"]
      + ["--batch", "4", "--steps", "2", "--shape", "mixtral-8x7b"]
    let error = #expect(throws: (any Error).self) { try moecastRun(arguments) }
    #expect("\(error.map { "\($0)" } ?? "")".contains("take 90.2 GB, but dojo has 72.0 GB"))
    try moecastRun(arguments + ["--ignore-capacity", "--csv"])
  }

  /// KV cache of a batch takes the memory that copies, or homes, would have.
  @Test func theGapOfTheModelTakesRoom() throws {
    let arguments = ["simulate", trace, "--strategy", "ep", "--gap", "model", "--wafer", "dojo"]
    try moecastRun(arguments + ["--batch", "64"])
    let error = #expect(throws: (any Error).self) {
      try moecastRun(arguments + ["--batch", "64", "--context", "4000000"])
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains("KV cache"))
  }

  @Test func figuresThatAreNoNumbersAreNamed() {
    let report = Report<Double>([.number("seconds") { $0 }], [1, .infinity])
    #expect(report.firstInfinite?.key == "seconds" && report.firstInfinite?.row == 1)
    #expect(Report<Double>([.number("seconds") { $0 }], [1, 2]).firstInfinite == nil)
  }
}
