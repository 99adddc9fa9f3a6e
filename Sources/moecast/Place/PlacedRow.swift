import Placement

/// One line of `place`: an algorithm's placement, judged.
struct PlacedRow {
  let algorithm: String
  /// What it was placed from.
  let evidence: String
  /// Whether that is what it is judged on.
  let isInSample: Bool
  let map: SlotMap
  let batch: Int
  let judged: JudgedPlacements
  /// Its place among the judged ones; the first is the default's.
  let place: Int
  let wafer: String
  let hasTraffic: Bool
  /// Whether it is there to show what is possible, not to be used.
  let isBound: Bool

  var figures: PlacementFigures { judged.figures[place] }

  /// The columns of `place`.
  ///
  /// - Parameter nodes: nodes of the layout, for whose traffic people see a column where they are
  ///   several.
  static func columns(nodes: Int) -> [Column<Self>] {
    [
      .text("algorithm", "algorithm") { $0.algorithm },
      .text("evidence") { $0.evidence },
      Column("in_sample", nil, value: { .text($0.isInSample ? "yes" : "no") }),
      .text("wafer") { $0.wafer },
      .integer("gpus") { $0.map.layout.gpus },
      .integer("nodes") { $0.map.layout.nodes },
      .integer("slots", "slots") { $0.map.layout.slots },
      .integer("batch", "batch") { $0.batch }.naming,
    ]
      + estimate("balancedness", "balancedness", places: 3, \.balancedness)
      + estimate("imbalance", "imbalance", places: 3, \.imbalance)
      + estimate("max_over_mean", "max/mean", places: 3, \.maxOverMean)
      + estimate("messages_per_token", "messages/token", places: 2, \.messagesPerToken)
      + [
        .number("dispatch_bytes", "dispatch MB", times: 1e-6, places: 3) {
          $0.figures.dispatchBytes
        },
        .number("combine_bytes", "combine MB", times: 1e-6, places: 3) { $0.figures.combineBytes },
        .number(
          "dispatch_bytes_between_nodes", nodes > 1 ? "between nodes MB" : nil, times: 1e-6,
          places: 3
        ) { $0.figures.dispatchBytesBetweenNodes },
        .number("combine_bytes_between_nodes") { $0.figures.combineBytesBetweenNodes },
      ]
      + estimate("expert_seconds", "experts us", times: 1e6, places: 2, \.expertSeconds)
      + estimate("layer_seconds", "layer us", times: 1e6, places: 2, \.layerSeconds)
      + saving("expert_saving", "experts shorter %", \.expertSeconds)
      + saving("layer_saving", "layer shorter %", \.layerSeconds)
      + [
        Column("traffic_bytes", nil, isNested: true) { row in
          row.hasTraffic
            ? .list(row.figures.traffic.map { .list($0.map(Value.number)) }) : nil
        }
      ]
  }

  /// A figure, and for programs its interval.
  private static func estimate(
    _ key: String, _ heading: String, times scale: Double = 1, places: Int,
    _ figure: any KeyPath<PlacementFigures, Double> & Sendable
  ) -> [Column<Self>] {
    interval(key, heading, times: scale, places: places, isShown: false) { row in
      row.judged.estimate(row.place) { $0[keyPath: figure] }
    }
  }

  /// The share of the default's time that is saved, with its interval.
  private static func saving(
    _ key: String, _ heading: String, _ figure: any KeyPath<PlacementFigures, Double> & Sendable
  ) -> [Column<Self>] {
    interval(key, heading, times: 100, places: 1, isShown: true) { row in
      row.judged.saving(row.place, over: 0) { $0[keyPath: figure] }
    }
  }

  private static func interval(
    _ key: String, _ heading: String, times scale: Double, places: Int, isShown: Bool,
    _ read: @escaping @Sendable (Self) -> PlacementEstimate
  ) -> [Column<Self>] {
    [
      Column(
        key, heading, value: { .number(read($0).value) },
        shown: { row in
          let estimate = read(row)
          let value = decimals(scale * estimate.value, places)
          guard isShown, let low = estimate.low, let high = estimate.high else { return value }
          return "\(value) (\(decimals(scale * low, places)) to \(decimals(scale * high, places)))"
        }),
      .number(key + "_low") { read($0).low },
      .number(key + "_high") { read($0).high },
    ]
  }

  /// Who sends whom how much: kilobytes of dispatch in a layer, a line a sender.
  var trafficTable: [any Shown] {
    let gpus = figures.traffic.indices
    let lines =
      [["from \\ to"] + gpus.map { "\($0)" } + ["all"]]
      + gpus.map { from in
        let row = figures.traffic[from]
        return ["\(from)"] + (row + [row.reduce(0, +)]).map { decimals($0 / 1e3, 1) }
      }
    return [
      "\ndispatch from GPU to GPU, kB a layer, \(algorithm), batch \(grouped(batch))",
      TableLayout(lines, isLeft: Array(repeating: false, count: gpus.count + 2)),
    ]
  }
}
