import ArgumentParser
import Placement
import Wafer

/// `--placement`: a rule, or a file that says where experts lie.
enum PlacementChoice: Hashable, ExpressibleByArgument {
  case rule(HomePlacement)
  case file(String)

  init?(argument: String) {
    if let rule = HomePlacement(rawValue: argument) {
      self = .rule(rule)
    } else if argument.contains("/") || Self.suffixes.contains(where: argument.hasSuffix) {
      self = .file(argument)
    } else {
      return nil
    }
  }

  /// How files' names end, where no slash tells a file.
  private static let suffixes = Set(PlacementFormats.all.map { $0.suffix } + [".yml"])

  var defaultValueDescription: String {
    switch self {
    case .rule(let rule): rule.rawValue
    case .file(let path): path
    }
  }

  /// The rule; contiguous where a file says.
  var rule: HomePlacement {
    if case .rule(let rule) = self { rule } else { .contiguous }
  }

  /// The file; nil for a rule.
  var path: String? {
    if case .file(let path) = self { path } else { nil }
  }
}
