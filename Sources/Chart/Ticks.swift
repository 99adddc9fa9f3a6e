/// Round numbers on an axis.
struct Ticks {
  /// From the first at or below the least value to the first at or above the greatest, ascending.
  let values: [Double]

  var low: Double { values[0] }
  var high: Double { values[values.count - 1] }

  /// About `count` ticks around finite values; steps are 1, 2 or 5 times a power of ten.
  init(from least: Double, to most: Double, count: Int = 5) {
    let span = most > least ? most - least : max(1, abs(most))
    var step = 1.0
    while step * Double(count) < span { step *= 10 }
    while step * Double(count) > span * 10 { step /= 10 }
    // A tenth, a fifth or half of it where more ticks fit.
    let finer = [step / 10, step / 5, step / 2].first { span / $0 <= Double(count) }
    step = finer ?? step
    let first = (least / step).rounded(.down)
    let last = max(first + 1, (most / step).rounded(.up))
    values = (0...Int(last - first)).map { (first + Double($0)) * step }
  }
}
