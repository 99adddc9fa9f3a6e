import ArgumentParser

/// The values of an enum, for help and errors.
func names<Choice: RawRepresentable<String> & CaseIterable>(_: Choice.Type) -> String {
  Choice.allCases.map(\.rawValue).joined(separator: ", ")
}

/// The values of a comma-separated option.
///
/// - Throws: `ValidationError` naming the option and what it takes.
func commaSeparated<Value>(
  _ text: String, _ option: String, _ wanted: String, _ parse: (String) -> Value?
) throws -> [Value] {
  let words = text.split(separator: ",").map(String.init)
  guard !words.isEmpty else { throw ValidationError("\(option) is empty; give \(wanted)") }
  return try words.map { word in
    guard let value = parse(word) else {
      throw ValidationError(
        "\(option) '\(word)' is none of \(wanted)" + meant(word, among: namesIn(wanted)))
    }
    return value
  }
}

/// The names that a list for people has: `oracle` of "heatmap, oracle, or files (*.jsonl)".
private func namesIn(_ wanted: String) -> [String] {
  wanted.split(separator: ", ").map(String.init).filter { name in
    name.allSatisfy { $0.isLetter || $0.isNumber || "-+:._".contains($0) }
  }
}

/// Refuses options that the run would not heed.
///
/// - Parameters:
///   - options: their names, each with whether it was given.
///   - isHeeded: whether the run heeds them.
///   - reason: why it does not.
/// - Throws: `ValidationError` naming the first that was given.
func refuse(
  _ options: [(name: String, isGiven: Bool)], unless isHeeded: Bool, _ reason: String
) throws {
  guard !isHeeded, let idle = options.first(where: \.isGiven) else { return }
  throw ValidationError("\(idle.name) would do nothing: \(reason)")
}
