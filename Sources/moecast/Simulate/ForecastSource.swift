import ArgumentParser
import Demand
import Export

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

  /// Layers ahead of which it tells; nil where there is no end to them, or a file says.
  var layersAhead: Int? {
    switch choice {
    case .some(.none): 0
    case .mixture: MixtureTables.longestHorizon
    default: nil
    }
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
