import Serving

/// One line of `simulate serverless`.
struct ServerlessRow {
  let wafer: String
  let shape: String
  let policy: String
  let forecast: String?
  /// The thresholds; nil of policies that have none.
  let options: ServerlessOptions?
  /// Requests a second; nil where a file says when they arrive.
  let rate: Double?
  let slots: Int
  let seed: UInt64
  let system: Value
  /// The policy static with the same arrivals, if it ran before.
  let fixed: ServerlessResult?
  let result: ServerlessResult

  /// Layers ahead of which loads were forecast.
  private var distance: Int? { forecast == "none" ? nil : options?.distance }

  private var layerSeconds: Double? { result.layerSeconds.mean }

  /// The columns of `simulate serverless`.
  static let columns: [Column<Self>] =
    [
      .text("wafer", "wafer") { $0.wafer },
      Column("system", nil, isNested: true) { $0.system },
      .text("shape") { $0.shape },
      .text("policy", "policy") { $0.policy },
      .text("forecast", "forecast") { $0.forecast },
      .integer("distance", "ahead") { $0.distance },
      .number("rate", "rate/s", places: 2) { $0.rate },
      .integer("slots") { $0.slots },
      .integer("seed", "seed") { Int(clamping: $0.seed) },
      .number("straggler") { $0.options?.straggler },
      .number("least_load") { $0.options?.leastLoad },
      .number("keep_alive_seconds") { $0.options?.keepAlive },
      .number("locality") { $0.options?.locality },
      .text("next_step") { $0.options.map { $0.preparesNextStep ? "yes" : "no" } },
      .integer("requests") { $0.result.served.requests },
      .integer("tokens") { $0.result.served.tokens },
      .integer("steps") { $0.result.served.steps },
      .number("tokens_per_step", "tokens/step") { $0.result.served.tokensPerStep },
      .number("mean_layer_seconds", "layer us", times: 1e6) { $0.layerSeconds },
    ] + layerPercentiles
    + [
      .number("latency_over_static", "over static %", times: 100) { row in
        ratio(row.layerSeconds, row.fixed?.layerSeconds.mean)
      }
    ] + times("first_token", \.timeToFirstToken, isShown: false)
    + times("per_token", \.timePerToken, isShown: true)
    + times("whole", \.wholeTime, isShown: false)
    + [
      .number("mean_wait_seconds") { $0.result.served.waited.mean },
      .number("seconds") { $0.result.served.seconds },
      .number("gigabyte_seconds", "GB s", places: 0) { $0.result.gigabyteSeconds },
      .number("cost_over_static", "over static %", times: 100) { row in
        ratio(row.result.gigabyteSeconds, row.fixed?.gigabyteSeconds)
      },
      .number("mean_gigabytes") { $0.result.meanGigabytes },
      .number("peak_gigabytes", "peak GB") { $0.result.peakGigabytes },
      .number("moved_gigabytes", "moved GB", places: 0) { $0.result.movedGigabytes },
      .number("move_seconds") { $0.result.moveSeconds },
      .number("pause_seconds") { $0.result.pauseSeconds },
      .number("wait_seconds") { $0.result.waitSeconds },
      .integer("cold_starts") { $0.result.coldStarts },
      .integer("late_arrivals") { $0.result.lateArrivals },
      .number("cold_share", "cold %", times: 100, places: 2) { $0.result.coldShare },
      .number("replicas_per_expert", "replicas", places: 2) { $0.result.replicasPerExpert },
      .number("right_share", "right %", times: 100) { $0.result.accuracy.rightShare },
      .number("overloads_found", "found %", times: 100) { $0.result.accuracy.overloadsFound },
      .number("overloads_true") { $0.result.accuracy.overloadsTrue },
      .number("next_step_right_share") { $0.result.nextStepAccuracy.rightShare },
    ]

  private static let layerPercentiles: [Column<Self>] = [50, 90, 99].map { share in
    .number("layer_p\(share)_seconds", share == 99 ? "p99" : nil, times: 1e6) {
      $0.result.layerSeconds.percentile(Double(share))
    }
  }

  /// Percentiles of times: the median and the 99th for people where they see any.
  private static func times(
    _ key: String, _ times: any KeyPath<ServingResult, ServingResult.Times> & Sendable,
    isShown: Bool
  ) -> [Column<Self>] {
    [50, 90, 99].map { share in
      let heading: String? =
        isShown ? (share == 50 ? "per token ms p50" : share == 99 ? "p99" : nil) : nil
      let column: Column<Self> = .number(
        "\(key)_p\(share)_seconds", heading, times: 1e3, places: 2
      ) { $0.result.served[keyPath: times].percentile(Double(share)) }
      return column
    } + [.number("\(key)_mean_seconds") { $0.result.served[keyPath: times].mean }]
  }

  private static func ratio(_ value: Double?, _ other: Double?) -> Double? {
    guard let value, let other, other > 0 else { return nil }
    return value / other - 1
  }
}
