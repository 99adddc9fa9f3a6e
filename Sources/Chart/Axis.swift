import Glibc

/// What lies along an edge of a plot.
public struct Axis: Hashable, Sendable {
  /// What stands beside it for people, its unit in it.
  public var title: String
  /// The column of its values for programs.
  public var key: String
  /// How its values are written.
  public var format: ValueFormat
  /// Whether equal steps are equal factors; values up to 0 have no place then.
  public var isLogarithmic: Bool
  /// Whether it shows whole numbers only, such as those of layers.
  public var isWhole: Bool
  /// Values that are shown in any case.
  public var shows: [Double]

  /// An axis.
  ///
  /// - Parameter shows: values that are shown in any case; 0 for lengths that are compared.
  public init(
    _ title: String, key: String, format: ValueFormat, isLogarithmic: Bool = false,
    isWhole: Bool = false, shows: [Double] = []
  ) {
    self.title = title
    self.key = key
    self.format = format
    self.isLogarithmic = isLogarithmic
    self.isWhole = isWhole
    self.shows = shows
  }

  /// Whether a value has a place on it.
  func hasPlace(_ value: Double) -> Bool { value.isFinite && (!isLogarithmic || value > 0) }

  /// Where values lie, from 0 to 1; nil where there are none.
  ///
  /// - Parameter isTight: whether it ends at the outermost values, and not at ticks.
  func scale(_ values: [Double], isTight: Bool) -> Scale? {
    let values = (values + shows).filter(hasPlace)
    guard let least = values.min(), let most = values.max() else { return nil }
    return Scale(self, from: least, to: most, isTight: isTight)
  }
}

/// Places along an axis.
struct Scale {
  /// Round values, ascending.
  let ticks: [Double]
  /// What its ends are, logarithms where it has those.
  private let (low, high): (Double, Double)
  private let isLogarithmic: Bool

  init(_ axis: Axis, from least: Double, to most: Double, isTight: Bool) {
    isLogarithmic = axis.isLogarithmic
    if axis.isLogarithmic {
      let (first, last) = (log10(least), log10(most))
      let powers = Int(first.rounded(.down))...Int(last.rounded(.up))
      // Of few powers their 2- and 5-fold too, of less than one more.
      let steps: [Double] =
        last - first < 0.8 ? [1, 2, 3, 4, 5, 7] : powers.count <= 3 ? [1, 2, 5] : [1]
      let all = powers.flatMap { power in steps.map { $0 * pow(10, Double(power)) } }
      let inside = all.filter { $0 >= least * 0.999 && $0 <= most * 1.001 }
      if isTight {
        let room = max(0.02 * (last - first), 1e-3)
        ticks = inside
        (low, high) = (first - room, last + room)
      } else {
        let below = all.last { $0 <= least * 1.001 } ?? least
        let above = all.first { $0 >= most * 0.999 } ?? most
        ticks = all.filter { $0 >= below * 0.999 && $0 <= above * 1.001 }
        (low, high) = (log10(below), log10(max(above, below * 1.1)))
      }
      return
    }
    if axis.isWhole {
      let span = max(1, most - least)
      let step = [1.0, 2, 5, 10, 20, 50, 100, 200, 500, 1000].first { span / $0 <= 10 } ?? span
      ticks = Array(stride(from: (least / step).rounded(.up) * step, through: most, by: step))
      let room = most > least ? 0.02 * (most - least) : 0.5
      (low, high) = (least - room, most + room)
      return
    }
    let round = Ticks(from: least, to: most, count: 4)
    ticks = isTight ? round.values.filter { $0 >= least && $0 <= most } : round.values
    (low, high) = isTight && most > least ? (least, most) : (round.low, round.high)
  }

  /// 0 at the low end and 1 at the high one.
  func place(_ value: Double) -> Double {
    ((isLogarithmic ? log10(value) : value) - low) / (high - low)
  }
}
