import ArgumentParser
import Serving

/// When requests arrive: a Poisson process, or the times of a file.
struct ArrivalChoice: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Requests a second, a Poisson process; several with commas.", valueName: "rates"))
  var rate: String?

  @Option(
    help: ArgumentHelp("Requests that arrive, with --rate; default: 100.", valueName: "count"))
  var requests: Int?

  @Option(help: ArgumentHelp("A file of arrival times.", valueName: "file"))
  var arrivals: String?

  func validate() throws {
    guard (rate == nil) != (arrivals == nil) else {
      throw ValidationError("say when requests arrive: --rate, or --arrivals FILE")
    }
    try refuse([("--requests", requests != nil)], unless: rate != nil, "it is for --rate")
    guard (1...1 << 20).contains(requests ?? 1) else {
      throw ValidationError("--requests is from 1 to 1,048,576")
    }
    _ = try rates()
  }

  private func rates() throws -> [Double] {
    guard let rate else { return [] }
    return try commaSeparated(rate, "--rate", "numbers above 0") { word in
      Double(word).flatMap { $0 > 0 && $0 < .infinity ? $0 : nil }
    }
  }

  /// The arrivals asked for, each with its rate if it has one.
  func all(seed: UInt64) throws -> [(rate: Double?, arrivals: Arrivals)] {
    if let arrivals { return [(nil, try ArrivalFile(arrivals).arrivals)] }
    return try rates().map {
      ($0, try .poisson(rate: $0, count: requests ?? 100, seed: seed))
    }
  }
}
