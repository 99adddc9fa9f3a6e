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
    guard Double(number) != nil else { return nil }
    guard !symbol.isEmpty else { return Double(number) }
    if self == .seconds {
      return Self.times[symbol].map { Self.decimal(number, power: $0.power) * $0.share }
    }
    for (ending, share) in symbols where symbol.hasSuffix(ending) {
      guard let prefix = Self.prefix(symbol.dropLast(ending.count)) else { continue }
      return Self.decimal(number, power: prefix.power) * prefix.share * share
    }
    return nil
  }

  /// A number times a power of ten, to the last bit what is written with that exponent: 300 ns are
  /// 3e-7.
  private static func decimal(_ number: String, power: Int) -> Double {
    let parts = number.split(whereSeparator: { "eE".contains($0) })
    let own = parts.count > 1 ? max(-1000, min(1000, Int(parts[1]) ?? 0)) : 0
    return Double("\(parts.first ?? "")e\(own + power)") ?? .nan
  }

  /// Whether text says its unit itself.
  public static func isNamed(in text: String) -> Bool { !parts(of: text).symbol.isEmpty }

  /// Powers of ten of a second, and how many seconds that are.
  private static let times: [String: (power: Int, share: Double)] = [
    "s": (0, 1), "ms": (-3, 1), "us": (-6, 1), "µs": (-6, 1), "\u{3BC}s": (-6, 1), "ns": (-9, 1),
    "min": (0, 60), "h": (0, 3600),
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

  /// The power of ten that a prefix is, times a power of two.
  private static func prefix(_ prefix: Substring) -> (power: Int, share: Double)? {
    guard let first = prefix.first else { return (0, 1) }
    guard let place = Array("kMGTPE").firstIndex(of: first == "K" ? "k" : first) else {
      return nil
    }
    switch prefix.dropFirst() {
    case "": return (3 * (place + 1), 1)
    case "i": return (0, Double(1 << (10 * (place + 1))))
    default: return nil
    }
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
