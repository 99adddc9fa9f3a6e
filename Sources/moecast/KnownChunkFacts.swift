import Prequential

/// Which chunks of a run's traces had been learnt before, as `--json` tells it.
struct KnownChunkFacts: Encodable {
  /// Chunks of the run.
  var chunks: Int
  /// Those that the model had learnt before the run.
  var learntBefore: Int
  /// Those that had come in the run before.
  var repeated: Int

  enum CodingKeys: String, CodingKey {
    case chunks, repeated
    case learntBefore = "learnt_before"
  }

  init(_ known: KnownChunks) {
    chunks = known.passed
    learntBefore = known.learnt
    repeated = known.repeated
  }
}

/// Says which chunks had been learnt before, if any were: figures over them are no forecast of what
/// is new.
///
/// - Parameter areKept: whether a model that is kept has learnt them again.
func complain(of known: KnownChunks, areKept: Bool = false) {
  let twice = areKept ? ", and they count twice in it" : ""
  if known.learnt > 0 {
    complain(
      "moecast: \(known.learnt) of \(known.passed) chunks are ones that the model had learnt "
        + "before\(twice); figures over them tell what it remembers, not how it forecasts what is new"
    )
  }
  if known.repeated > 0 {
    complain(
      "moecast: \(known.repeated) of \(known.passed) chunks come again in these traces"
        + "\(areKept ? ", and they count twice in the model" : "")"
        + "; figures over them tell what is remembered, not how what is new is forecast")
  }
}
