import PathText

/// Text of others made safe to print: what would move the cursor, change colours, end the line or
/// turn the direction of writing stands as `\uXXXX`, as JSON writes it, and bytes of a path that
/// are no UTF-8 as `\xXX`.
///
/// Names of models, tasks, files and hardware come from files of others; a terminal obeys what it
/// is sent, and a forged line could say "intact yes".
///
/// - Parameter keepingLines: whether line feeds stay, for text of several lines that is our own.
func visible(_ text: String, keepingLines: Bool = false) -> String {
  guard text.unicodeScalars.contains(where: { isHidden($0) }) else { return text }
  var result = ""
  for scalar in text.unicodeScalars {
    guard isHidden(scalar), !(keepingLines && scalar == "\n") else {
      result.unicodeScalars.append(scalar)
      continue
    }
    if let byte = escapedByte(scalar) {
      result += "\\x" + String(byte, radix: 16)
      continue
    }
    for unit in String(scalar).utf16 {
      let digits = String(unit, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
  }
  return result
}

/// Whether a terminal acts on the scalar, or a reader cannot see it: controls, marks of direction,
/// separators of lines, what has no width, and what is no character.
private func isHidden(_ scalar: Unicode.Scalar) -> Bool {
  if scalar.value < 0x7F { return scalar.value < 0x20 }
  switch scalar.properties.generalCategory {
  case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate:
    return true
  default: return false
  }
}
