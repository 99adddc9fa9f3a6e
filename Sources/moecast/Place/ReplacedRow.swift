import Placement

/// One line of `place --every`: a run with experts placed anew on the way.
struct ReplacedRow {
  let algorithm: String
  /// What the first placement was made from.
  let evidence: String
  let policy: Replacement.Policy
  let every: Int
  let batch: Int
  let steps: Int
  let result: Replacement.Result
  /// The time of the default that never moves.
  let baseSeconds: Double

  /// The columns of `place --every`.
  static let columns: [Column<Self>] = [
    .text("algorithm", "algorithm") { $0.algorithm },
    .text("evidence") { $0.evidence },
    .text("moves", "moves") { $0.policy.rawValue },
    .integer("every", "every") { $0.every },
    .integer("batch", "batch") { $0.batch },
    .integer("steps", "steps") { $0.steps },
    .number("serving_seconds", "serving ms", times: 1e3, places: 3) { $0.result.servingSeconds },
    .number("moving_seconds", "moving ms", times: 1e3, places: 3) { $0.result.movingSeconds },
    .number("seconds", "both ms", times: 1e3, places: 3) { $0.result.seconds },
    .number("saving", "shorter %", times: 100, places: 1) {
      $0.baseSeconds > 0 ? 1 - $0.result.seconds / $0.baseSeconds : 0
    },
    .number("moved_bytes", "moved GB", times: 1e-9, places: 3) { $0.result.movedBytes },
    .integer("moved_layers", "layers moved") { $0.result.movedLayers },
    .integer("chances", "of") { $0.result.chances },
  ]
}
