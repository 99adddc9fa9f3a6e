/// Text as it stands in HTML and SVG, in elements and in quoted attributes.
public func escaped(_ text: String) -> String {
  var result = ""
  for character in text {
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    default: result.append(character)
    }
  }
  return result
}

/// An SVG file of its own: a white sheet with a title, and what is drawn on it.
func svgFile(_ title: String, width: Double, height: Double, _ drawing: [String]) -> String {
  let (width, height) = (pixels(width), pixels(height))
  return """
    <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" \
    viewBox="0 0 \(width) \(height)" role="img" aria-label="\(escaped(title))" \
    font-family="system-ui, sans-serif" font-size="12">
    <rect width="100%" height="100%" fill="#ffffff"/>
    <text x="10" y="20" fill="#1b1f24">\(escaped(title))</text>
    \(drawing.joined(separator: "\n"))
    </svg>

    """
}

/// A coordinate: tenths of a pixel are enough, and shorter.
func pixels(_ value: Double) -> String {
  let tenths = Int((value * 10).rounded())
  return tenths % 10 == 0
    ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
}
