import Glibc

/// What is known of where output goes: how wide it is, and whether it shows weight and colour.
///
/// It is a value that is handed to whatever prints, so that tests print to any terminal.
struct Terminal: Hashable {
  /// Columns; nil where nobody looks, as in a file or a pipe: lines are as long as they are.
  var width: Int?
  /// Whether weight and colour are shown.
  var hasColour = false

  /// A file or a pipe.
  static let none = Terminal()

  /// What stands behind an open file: its width, or `COLUMNS`; no colour with `NO_COLOR`, or where
  /// `TERM` is `dumb`.
  ///
  /// - Parameter variable: the values of the environment's variables.
  static func of(
    _ descriptor: Int32, variable: (String) -> String? = { getenv($0).map { String(cString: $0) } }
  ) -> Terminal {
    guard isatty(descriptor) == 1 else { return .none }
    var size = winsize()
    let told = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 ? Int(size.ws_col) : 0
    let wanted = variable("COLUMNS").flatMap { Int($0) } ?? told
    let hasColour = (variable("NO_COLOR") ?? "").isEmpty && variable("TERM") != "dumb"
    return Terminal(width: wanted > 0 ? max(20, wanted) : 80, hasColour: hasColour)
  }
}

/// A line and its weight.
struct Line: Hashable {
  /// How a line stands out on a terminal that can; elsewhere all are plain.
  enum Weight: Hashable {
    case plain
    /// Headings, and what is best.
    case bold
    /// Notes.
    case faint
    /// What is wrong.
    case red

    /// What makes a terminal show it; nil for nothing.
    fileprivate var code: String? {
      switch self {
      case .plain: nil
      case .bold: "1"
      case .faint: "2"
      case .red: "31"
      }
    }
  }

  var text: String
  var weight = Weight.plain

  init(_ text: String, _ weight: Weight = .plain) {
    self.text = text
    self.weight = weight
  }

  /// What is written: the text made visible, with the codes of its weight.
  func written(on terminal: Terminal) -> String {
    let shown = visible(text)
    guard terminal.hasColour, let code = weight.code, !shown.isEmpty else { return shown }
    return "\u{1B}[\(code)m\(shown)\u{1B}[0m"
  }
}

/// What can be shown to people, as wide as there is room.
protocol Shown {
  /// Its lines; those of others' text may still hold what a terminal obeys.
  func lines(on terminal: Terminal) -> [Line]
}

extension Shown {
  /// What a file or a pipe gets.
  var plain: String { lines(on: .none).map(\.text).joined(separator: "\n") }
}

extension String: Shown {
  func lines(on terminal: Terminal) -> [Line] {
    split(separator: "\n", omittingEmptySubsequences: false).map { Line(String($0)) }
  }
}

/// Parts below each other, a blank line between them.
struct Sections: Shown {
  let parts: [any Shown]

  init(_ parts: [any Shown]) { self.parts = parts }

  func lines(on terminal: Terminal) -> [Line] {
    Array(parts.map { $0.lines(on: terminal) }.joined(separator: [Line("")]))
  }
}

/// Words set in lines of at most `width` columns, those after the first behind `indent`.
func filled(_ text: String, width: Int, indent: String = "") -> String {
  var lines: [String] = []
  var line = ""
  for word in text.split(separator: " ") {
    let next = line.isEmpty ? String(word) : line + " " + word
    if next.count > width, !line.isEmpty, line != indent {
      lines.append(line)
      line = indent + word
    } else {
      line = next
    }
  }
  return (lines + [line]).joined(separator: "\n")
}
