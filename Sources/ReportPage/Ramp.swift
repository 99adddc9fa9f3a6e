/// Sixteen shades of a heatmap, from little to much.
///
/// Lightness changes all one way, so that they can be read without colours and by the colour-blind;
/// on dark paper little is dark. Images are grey (`Chart/ShadeMap`) and coloured by a filter, so
/// that one image serves light, dark and paper.
struct Ramp {
  /// Red, green and blue of the stops, evenly apart.
  let stops: [[Double]]

  static let light = Ramp(stops: [
    [255, 255, 255], [221, 240, 228], [142, 205, 193], [61, 154, 172], [38, 92, 140], [41, 38, 92],
    [18, 10, 38],
  ])
  static let dark = Ramp(stops: [
    [20, 23, 28], [38, 43, 92], [38, 92, 140], [61, 154, 172], [142, 205, 193], [226, 244, 226],
    [255, 255, 240],
  ])
  static let divergingLight = Ramp(stops: [
    [20, 80, 150], [120, 175, 220], [250, 250, 250], [240, 170, 110], [165, 65, 5],
  ])
  static let divergingDark = Ramp(stops: [
    [130, 200, 255], [50, 110, 165], [26, 30, 36], [160, 85, 30], [255, 185, 120],
  ])

  /// The colours of the sixteen shades, 0 to 255.
  var shades: [[Double]] {
    (0..<16).map { shade in
      let place = Double(shade) / 15 * Double(stops.count - 1)
      let stop = min(Int(place), stops.count - 2)
      return zip(stops[stop], stops[stop + 1]).map { $0 + ($1 - $0) * (place - Double(stop)) }
    }
  }

  /// An SVG filter that gives the greys of an image these colours.
  func filter(_ id: String) -> String {
    let functions = ["R", "G", "B"].enumerated().map { channel, name in
      let values = shades.map { shade in
        "\((shade[channel] / 255 * 1000).rounded() / 1000)"
      }
      return "<feFunc\(name) type=\"table\" tableValues=\"\(values.joined(separator: " "))\"/>"
    }
    return "<filter id=\"\(id)\" color-interpolation-filters=\"sRGB\" x=\"0\" y=\"0\" width=\"1\" "
      + "height=\"1\"><feComponentTransfer>\(functions.joined())</feComponentTransfer></filter>"
  }

  /// The classes `h0` to `h15` (filled) and `l0` to `l15` (drawn) as rules of a style sheet.
  var rules: String {
    shades.enumerated().map { index, shade in
      let color = "rgb(" + shade.map { "\(Int($0.rounded()))" }.joined(separator: ",") + ")"
      return ".h\(index){fill:\(color)}.l\(index){stroke:\(color)}"
    }.joined()
  }
}
