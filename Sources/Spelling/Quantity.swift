/// What a number counts, where it may be written with a unit.
public enum QuantityUnit: String, CaseIterable, Sendable {
  case bytes
  case bytesPerSecond = "bytes_per_second"
  case flopsPerSecond = "flops_per_second"
  case seconds

  /// The unit that the name of a key ends with: `hbm_capacity_bytes` is in bytes.
  public init?(ofKey key: String) {
    // The longest first: a rate ends as a time does.
    let units = Self.allCases.sorted { $0.rawValue.utf8.count > $1.rawValue.utf8.count }
    guard let unit = units.first(where: { key.hasSuffix("_" + $0.rawValue) }) else { return nil }
    self = unit
  }

  /// How a quantity is written, for messages.
  public var example: String {
    switch self {
    case .bytes: "4MB or 16GiB"
    case .bytesPerSecond: "3.35TB/s or 400Gbit/s"
    case .flopsPerSecond: "989TFLOP/s"
    case .seconds: "500ns, 5us or 1.5ms"
    }
  }

  /// A number with a unit, or a plain one, which is in this unit; nil where it is neither.
  ///
  /// ```swift
  /// QuantityUnit.bytes.value(of: "4MB")                 // 4e6
  /// QuantityUnit.bytesPerSecond.value(of: "400Gbit/s")  // 5e10
  /// QuantityUnit.seconds.value(of: "5 us")              // 5e-6
  /// ```
  ///
  /// `k` to `E` are powers of 1000, `Ki` to `Ei` of 1024; `B` is a byte, `b` or `bit` a bit. A blank
  /// may stand before the unit.
  public func value(of text: String) -> Double? {
    let (number, symbol) = Self.parts(of: text)
    guard let number = Double(number) else { return nil }
    guard !symbol.isEmpty else { return number }
    if self == .seconds { return Self.times[symbol].map { number * $0 } }
    for (ending, share) in symbols where symbol.hasSuffix(ending) {
      let prefix = symbol.dropLast(ending.count)
      guard let scale = Self.scale(of: prefix) else { continue }
      return number * scale * share
    }
    return nil
  }

  /// Whether text says its unit itself.
  public static func isNamed(in text: String) -> Bool { !parts(of: text).symbol.isEmpty }

  private static let times = [
    "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "\u{3BC}s": 1e-6, "ns": 1e-9, "min": 60, "h": 3600,
  ]

  /// What stands behind a prefix, and how much of this unit it is.
  private var symbols: [(ending: String, share: Double)] {
    switch self {
    case .bytes: [("B", 1)]
    case .bytesPerSecond: [("B/s", 1), ("bit/s", 0.125), ("b/s", 0.125), ("bps", 0.125)]
    case .flopsPerSecond: [("FLOP/s", 1), ("FLOPS", 1), ("flop/s", 1), ("flops", 1)]
    case .seconds: []
    }
  }

  private static func scale(of prefix: Substring) -> Double? {
    let letters = Array("kMGTPE")
    if prefix.isEmpty { return 1 }
    guard let first = prefix.first,
      let power = letters.firstIndex(of: first == "K" ? "k" : first)
    else { return nil }
    let base: Double = prefix.dropFirst() == "i" ? 1024 : 1000
    guard prefix.count == 1 || base == 1024 else { return nil }
    return (0...power).reduce(1) { scale, _ in scale * base }
  }

  /// The number at the beginning, and what stands behind it and a blank.
  private static func parts(of text: String) -> (number: String, symbol: String) {
    var end = text.startIndex
    var isBehindExponent = false
    while end < text.endIndex {
      let character = text[end]
      let next = text.index(after: end)
      if character.isASCII && character.isNumber || character == "." {
        isBehindExponent = false
      } else if character == "+" || character == "-" {
        guard end == text.startIndex || isBehindExponent else { break }
        isBehindExponent = false
      } else if character == "e" || character == "E" {
        // 5E3 has an exponent, 5EB a unit.
        guard next < text.endIndex, "+-0123456789".contains(text[next]) else { break }
        isBehindExponent = true
      } else {
        break
      }
      end = next
    }
    let rest = text[end...]
    return (String(text[..<end]), String(rest.first == " " ? rest.dropFirst() : rest))
  }
}
