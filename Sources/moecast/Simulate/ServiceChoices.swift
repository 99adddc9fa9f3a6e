import ArgumentParser
import Serving

/// What keeps the clients of expert servers busy.
struct ServiceTrafficChoice: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Seconds in which every client's batch is full; default: 2.", valueName: "seconds"),
    transform: takingSeconds)
  var seconds: Double?

  @Option(
    help: ArgumentHelp("Requests a second that arrive, a Poisson process.", valueName: "rate"))
  var rate: Double?

  @Option(
    help: ArgumentHelp("Requests that arrive, with --rate; default: 200.", valueName: "count"))
  var requests: Int?

  @Option(
    help: ArgumentHelp(
      "Length of a day at whose noon more arrive than at night; --rate is its mean.",
      valueName: "seconds"), transform: takingSeconds)
  var day: Double?

  @Option(
    help: ArgumentHelp(
      "By which share of the mean the day's rate rises and falls; default: .6.", valueName: "share")
  )
  var swing: Double?

  @Option(help: ArgumentHelp("A file of arrival times.", valueName: "file"))
  var arrivals: String?

  @Option(
    help: ArgumentHelp(
      "Of requests, arrivals and losses; several with commas.", valueName: "numbers"))
  var seed = "1"

  func validate() throws {
    guard [seconds != nil, rate != nil, arrivals != nil].count(where: { $0 }) <= 1 else {
      throw ValidationError("give one of --seconds, --rate and --arrivals")
    }
    try refuse(
      [("--requests", requests != nil), ("--day", day != nil)], unless: rate != nil,
      "it is for --rate")
    try refuse([("--requests", requests != nil)], unless: day == nil, "--day says how many arrive")
    try refuse([("--swing", swing != nil)], unless: day != nil, "it is for --day")
    guard (1...1 << 20).contains(requests ?? 1) else {
      throw ValidationError("--requests is from 1 to 1,048,576")
    }
    _ = try seeds()
  }

  /// Whether requests arrive, and do not keep batches full.
  var arrives: Bool { rate != nil || arrivals != nil }

  func seeds() throws -> [UInt64] {
    try commaSeparated(seed, "--seed", "whole numbers from 0") { UInt64($0) }
  }

  /// The traffic of every seed.
  func all() throws -> [(seed: UInt64, traffic: ServiceTraffic)] {
    let file = try arrivals.map { try ArrivalFile($0).arrivals }
    return try seeds().map { seed in
      if let file { return (seed, .arriving(file)) }
      guard let rate else { return (seed, .saturated(seconds: seconds ?? 2)) }
      guard let day else {
        return (seed, .arriving(try .poisson(rate: rate, count: requests ?? 200, seed: seed)))
      }
      let arrivals = try Arrivals.day(rate: rate, swing: swing ?? 0.6, seconds: day, seed: seed)
      return (seed, .arriving(arrivals))
    }
  }
}

/// Which servers are lost.
struct ServerLossChoice: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Servers that are lost, drawn by the seed, one after another at equal distances.",
      valueName: "count"))
  var lose: Int?

  @Option(
    name: .customLong("lose-at"),
    help: ArgumentHelp(
      "Servers that are lost when: server@seconds, with commas.", valueName: "losses"))
  var loseAt: String?

  @Option(
    help: ArgumentHelp(
      "Seconds after which another server begins to load what a lost one held; default: never.",
      valueName: "seconds"), transform: takingSeconds)
  var replaceAfter: Double?

  func validate() throws {
    guard lose == nil || loseAt == nil else {
      throw ValidationError("give one of --lose and --lose-at")
    }
    guard lose ?? 1 > 0 else { throw ValidationError("--lose is a number from 1 on") }
    try refuse(
      [("--replace-after", replaceAfter != nil)], unless: isGiven, "no server is lost")
    _ = try given()
  }

  var isGiven: Bool { lose != nil || loseAt != nil }

  private func given() throws -> [ServerLosses.Loss] {
    guard let loseAt else { return [] }
    return try commaSeparated(loseAt, "--lose-at", "losses such as 3@0.5") { word in
      let parts = word.split(separator: "@", omittingEmptySubsequences: false)
      guard parts.count == 2, let server = Int(parts[0]), let seconds = Double(parts[1]) else {
        return nil
      }
      return ServerLosses.Loss(server: server, seconds: seconds)
    }
  }

  /// The losses of a run of so many seconds.
  func losses(servers: Int, seconds: Double, seed: UInt64) throws -> ServerLosses {
    if let lose {
      return try .drawn(lose, of: servers, in: seconds, replacedAfter: replaceAfter, seed: seed)
    }
    return isGiven
      ? try ServerLosses(try given(), servers: servers, replacedAfter: replaceAfter) : .none
  }
}

/// Whether servers follow the traffic.
struct ProvisioningChoice: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Servers follow the traffic by policies, with commas: \(names(Provisioning.Policy.self)); \
      default: all servers, always.
      """, valueName: "policies"))
  var provision: String?

  @Option(
    help: ArgumentHelp("Seconds of a window of provisioning; default: 1.", valueName: "seconds"))
  var window: Double?

  @Option(
    help: ArgumentHelp(
      "Share of their time that servers shall be busy; default: .6.", valueName: "share"))
  var utilisation: Double?

  @Option(
    help: ArgumentHelp(
      "Windows that forecast and oracle look ahead; default: 1.", valueName: "count"))
  var horizon: Int?

  func validate() throws {
    try refuse(
      [
        ("--window", window != nil), ("--utilisation", utilisation != nil),
        ("--horizon", horizon != nil),
      ], unless: provision != nil, "it is for --provision")
    let looksAhead = try policies().contains { $0 == .forecast || $0 == .oracle }
    try refuse(
      [("--horizon", horizon != nil)], unless: looksAhead, "it is for forecast and oracle")
    try refuse(
      [("--utilisation", utilisation != nil)],
      unless: try policies().contains { $0 != Provisioning.Policy.none }, "no policy goes by it")
  }

  private func policies() throws -> [Provisioning.Policy] {
    guard let provision else { return [] }
    return try commaSeparated(provision, "--provision", names(Provisioning.Policy.self)) {
      Provisioning.Policy(rawValue: $0)
    }
  }

  /// What is asked for; nil alone for all servers, always.
  func all() throws -> [Provisioning?] {
    guard provision != nil else { return [nil] }
    return try policies().map {
      var provisioning = Provisioning($0, windowSeconds: window ?? 1)
      if let utilisation { provisioning.utilisation = utilisation }
      if let horizon { provisioning.horizon = horizon }
      return provisioning
    }
  }
}
