import DurableFile
import Export
import LoadProfile
import ModelFile
import PathText
import Placement
import ReportPage
import RoutingTrace
import ShardSums
import SystemPackage

/// What each command's output may replace; see `OutputRule`.
extension OutputRule {
  /// A trace, for a command that reads `inputs`.
  static func trace(inputs: [String], force: ForceOption) -> OutputRule {
    OutputRule(kind: "a moecast trace", inputs, force) { path in
      (try? TraceFile(path.text)).map {
        (try? TraceReader($0, name: $0.name, reading: TraceReading(framing: .any))) != nil
      } ?? false
    }
  }

  /// A load profile.
  static func profile(inputs: [String], force: ForceOption) -> OutputRule {
    OutputRule(kind: "a load profile", inputs, force) { LoadProfile.isProfile($0.text) }
  }

  /// Where experts lie, in any of the formats.
  static func placement(inputs: [String], force: ForceOption) -> OutputRule {
    OutputRule(kind: "a placement", inputs, force) {
      (try? PlacementFile(file: $0.text)) != nil
    }
  }

  /// A file of an export.
  static func export(
    of exporter: any Exporter.Type, file: String, inputs: [String], force: ForceOption
  ) -> OutputRule {
    OutputRule(kind: "\(exporter.name) of moecast export", inputs, force) { path in
      guard exporter.mayBegin(head(of: path), of: file) else { return false }
      guard let isOne = exporter.isOne else { return true }
      return (try? firstBytes(of: path, count: 1 << 30)).map(isOne) ?? false
    }
  }

  /// Forecasts.
  static func forecasts(
    _ format: any ForecastWriter.Type, inputs: [String], force: ForceOption
  ) -> OutputRule {
    OutputRule(kind: "forecasts as \(format.name)", inputs, force) { path in
      let head = head(of: path)
      return format.beginnings.contains { head.starts(with: $0) }
    }
  }

  /// Sums of a shard.
  static func sums(inputs: [String], force: ForceOption) -> OutputRule {
    OutputRule(kind: "sums of a shard", inputs, force) { ShardSums.areIn($0.text) }
  }

  /// A page of `report`, or of `analyze`, which wrote pages before.
  static func page(inputs: [String], force: ForceOption) -> OutputRule {
    OutputRule(kind: "a page of moecast", inputs, force) { path in
      let head = String(decoding: head(of: path), as: UTF8.self)
      return head.contains(ResearchReport.generator)
        || head.contains("<meta name=\"generator\" content=\"moecast analyze\">")
    }
  }

  /// A map, a table or a timeline of `simulate`.
  static func figure(inputs: [String], force: ForceOption) -> OutputRule {
    OutputRule(kind: "a figure of moecast simulate", inputs, force) { path in
      let head = String(decoding: head(of: path), as: UTF8.self)
      return ["<svg xmlns=", "resource,name,busy_seconds", "{\"displayTimeUnit\":"].contains {
        head.hasPrefix($0)
      }
    }
  }

  private init(
    kind: String, _ inputs: [String], _ force: ForceOption, isOfKind: @escaping (FilePath) -> Bool
  ) {
    self.init(
      kind: kind,
      inputs: inputs.filter { $0 != StandardStream.dash }.map { FilePath(text: $0) },
      standardInput: inputs.contains(StandardStream.dash), isForced: force.force,
      isOfKind: isOfKind)
  }

  /// Enough of a file to tell its kind; nothing where it cannot be read.
  private static func head(of path: FilePath) -> [UInt8] {
    (try? firstBytes(of: path, count: 512)) ?? []
  }
}
