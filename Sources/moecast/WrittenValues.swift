import ArgumentParser
import Forecast
import Spelling

/// Bytes that an option takes, plain or with a unit: `4000000`, `4MB`, `16GiB`.
///
/// - Throws: `ValidationError` where it is neither.
func takingBytes(_ text: String) throws -> Double { try quantity(text, .bytes) }

/// The same where it has to be a whole number that a register holds.
func takingWholeBytes(_ text: String) throws -> Int {
  guard let whole = Int(exactly: try takingBytes(text)) else {
    throw ValidationError("a whole number of bytes is wanted")
  }
  return whole
}

/// Seconds that an option takes, plain or with a unit: `5e-6`, `5us`, `1.5ms`.
///
/// - Throws: `ValidationError` where it is neither.
func takingSeconds(_ text: String) throws -> Double { try quantity(text, .seconds) }

private func quantity(_ text: String, _ unit: QuantityUnit) throws -> Double {
  guard let value = unit.value(of: text) else {
    throw ValidationError("write a number, which is in \(unit.rawValue), or \(unit.example)")
  }
  return value
}

/// What to ask behind a word that nothing is called: `; did you mean mixture?`, or nothing.
func meant(_ word: String, among known: [String]) -> String {
  let near = likely(word.lowercased(), among: known)
  return near.isEmpty ? "" : "; did you mean " + near.joined(separator: " or ") + "?"
}

/// The predictors that an option names, with commas.
///
/// - Throws: `ValidationError` for a name that is unknown, saying a near one, or stands twice.
func predictorSpecs(_ words: [String], _ option: String = "--predictors") throws
  -> [PredictorSpec]
{
  guard !words.isEmpty else {
    throw ValidationError("\(option) is empty; `moecast list predictors` names all")
  }
  let catalog = PredictorCatalog.standard
  do { return try catalog.specs(named: words) } catch {
    switch error {
    case .unknown(let name, let known):
      // What stands behind a colon changes a predictor; its name is before that.
      let stem = name.split(separator: ":").first.map(String.init) ?? name
      let hint =
        known.contains(stem)
        ? "; `moecast compare --help` says what may stand behind a colon"
        : meant(stem, among: known)
      throw ValidationError("\(option): \(error)" + hint)
    case .repeated(let name): throw ValidationError("\(option) names '\(name)' twice")
    }
  }
}

/// A list of words with commas.
func words(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }
