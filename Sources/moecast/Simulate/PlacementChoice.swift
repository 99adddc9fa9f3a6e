import ArgumentParser
import Wafer

/// `--placement`: a rule, or a file that says where experts lie.
enum PlacementChoice: Hashable, ExpressibleByArgument {
  case rule(HomePlacement)
  case file(String)

  init?(argument: String) {
    if let rule = HomePlacement(rawValue: argument) {
      self = .rule(rule)
    } else if argument.contains("/") || argument.hasSuffix(".json") {
      self = .file(argument)
    } else {
      return nil
    }
  }

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
