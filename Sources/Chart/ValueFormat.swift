import Glibc

/// How a figure is written for people: its unit, and how many digits.
public struct ValueFormat: Hashable, Sendable {
  /// What a value is multiplied by: 100 for a share in per cent.
  public var scale: Double
  /// Digits behind the point.
  public var places: Int
  /// What stands behind the number, its blank included.
  public var suffix: String
  /// Whether thousands and thousandths are written as k, M, G, m, µ and n.
  public var hasPrefixes: Bool

  /// A format.
  public init(scale: Double = 1, places: Int = 1, suffix: String = "", hasPrefixes: Bool = false) {
    self.scale = scale
    self.places = places
    self.suffix = suffix
    self.hasPrefixes = hasPrefixes
  }

  /// A share in per cent.
  public static let percent = ValueFormat(scale: 100, suffix: " %")
  /// How many times something.
  public static let times = ValueFormat(places: 2, suffix: " x")
  /// A plain number.
  public static func plain(_ places: Int, _ unit: String = "") -> ValueFormat {
    ValueFormat(places: places, suffix: unit.isEmpty ? "" : " " + unit)
  }
  /// A number of three digits with the SI's prefixes, such as `1.2 MB` or `340 ns`.
  public static func prefixed(_ unit: String = "") -> ValueFormat {
    ValueFormat(places: 0, suffix: unit, hasPrefixes: true)
  }

  /// A value in full.
  public func text(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    guard hasPrefixes else { return Self.digits(value * scale, places) + suffix }
    let (number, prefix) = Self.prefixed(value * scale)
    let places =
      abs(number) >= 99.95 || number == 0 || (prefix.isEmpty && number == number.rounded())
      ? 0 : abs(number) >= 9.995 ? 1 : 2
    let unit = prefix + suffix
    return Self.digits(number, places) + (unit.isEmpty ? "" : " " + unit)
  }

  /// A value at an axis, whose title names the unit: as few digits as say it.
  public func tick(_ value: Double) -> String {
    guard hasPrefixes else { return Self.shortest(value * scale) }
    let (number, prefix) = Self.prefixed(value * scale)
    return Self.shortest(number) + prefix
  }

  /// A value beside a scale: three significant digits, without its unit.
  func short(_ value: Double) -> String {
    let scaled = value * scale
    guard scaled != 0, scaled.isFinite else { return tick(value) }
    let step = pow(10, (log10(abs(scaled))).rounded(.down) - 2)
    return tick((scaled / step).rounded() * step / scale)
  }

  private static func prefixed(_ value: Double) -> (Double, String) {
    guard value != 0 else { return (0, "") }
    let prefixes = ["n", "µ", "m", "", "k", "M", "G", "T", "P"]
    let step = Int((log10(abs(value)) / 3 + 1e-9).rounded(.down))
    let index = max(0, min(prefixes.count - 1, step + 3))
    return (value / pow(10, Double(3 * (index - 3))), prefixes[index])
  }

  private static func shortest(_ value: Double) -> String {
    for places in 0..<6 {
      let scale = pow(10, Double(places))
      if abs((value * scale).rounded() / scale - value) <= abs(value) * 1e-6 {
        return digits(value, places)
      }
    }
    return digits(value, 6)
  }

  /// `value` with so many digits behind the point; a negative zero has no sign.
  private static func digits(_ value: Double, _ places: Int) -> String {
    let scale = pow(10, Double(places))
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 9e15 else { return "\(value)" }
    let digits = String(Int(scaled))
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    return (value < 0 && scaled > 0 ? "-" : "") + padded.dropLast(places)
      + (places > 0 ? "." + padded.suffix(places) : "")
  }
}
