import Counting
import RoutingTrace

/// How a mixture is stored: the columns of its state, each with its name in model files.
extension Mixture {
  /// Passes every column of the state through `coder`.
  ///
  /// A reader begins with a fresh mixture of the same shape and options, and checks
  /// ``fault(tokens:chosen:)`` at the end.
  ///
  /// - Parameter places: places of the book of requests that the mixture learns from.
  /// - Complexity: O(bytes of the tables); one column at a time is in memory beside them.
  public mutating func code<Coder: StateCoder & ~Copyable>(
    with coder: inout Coder, places: Int
  ) throws(Coder.Failure) {
    reserve(places: places)
    try codeLayers(
      "frequency", \.frequency.cells.values, &coder, note: "times an expert was chosen")
    try codeLayers("frequency_totals", \.frequency.totals, &coder, note: "sum of frequency")
    for (index, part) in tabledParts(MixtureLayer.rowParts).enumerated() {
      try codeLayers(
        "rows_" + part, \.rows[index].cells.values, &coder, note: "times an expert followed another"
      )
      try codeLayers("row_totals_" + part, \.rows[index].totals, &coder, note: "sums of the rows")
    }
    for (index, part) in tabledParts(MixtureLayer.pairParts).enumerated() {
      try codeLayers(
        "keys_" + part, \.pairs[index].keys, &coder, note: "1 + the number of a row's pair, or 0")
      try codeLayers(
        "rows_" + part, \.pairs[index].table.cells.values, &coder,
        note: "times an expert followed a pair")
      try codeLayers(
        "row_totals_" + part, \.pairs[index].table.totals, &coder, note: "sums of the rows")
    }
    try codeLayers(
      "repeat_keys", \.repeats.keys, &coder, note: "hash of a context with its lowest bit set, or 0"
    )
    try codeLayers("repeat_counts", \.repeats.counts, &coder, note: "sets kept of a context")
    try codeLayers(
      "repeat_sets", \.repeats.sets, &coder, note: "experts that followed a context, newest first")
    try codeLayers(
      "request_counts", \.histories.counts, &coder, note: "times a live request chose an expert")
    try codeLayers(
      "recent_counts", \.histories.recent, &coder, note: "decayed frequencies of a live request")
    try codeLayers("weights", \.weights, &coder, note: "weights of the parts")
    try codeLayers("power", \.power, &coder, note: "mean squares of the weights' gradients")
    try codeLayers(
      "linear", \.linear.values, &coder, note: "weights of the linear part, row by row")
    try codeLayers("linear_visits", \.linearVisits, &coder, note: "times a row was looked at")
    try paths?.code(with: &coder)
  }

  /// The names of those of `parts` whose tables this mixture keeps, in their order.
  private func tabledParts(_ parts: [MixtureParts]) -> [String] {
    let tabled = MixtureLayer.tabled(options.parts)
    return parts.filter(tabled.contains).compactMap { part in
      MixtureParts.named.first { $0.part == part }?.name
    }
  }

  /// One column for all layers, one layer after another.
  private mutating func codeLayers<Coder: StateCoder & ~Copyable>(
    _ name: String, _ values: WritableKeyPath<MixtureLayer, [UInt32]>, _ coder: inout Coder,
    note: String
  ) throws(Coder.Failure) {
    var all = column { $0[keyPath: values] }
    guard !all.isEmpty else { return }
    try coder.code(name, &all, note: note)
    if Coder.isReader { fill(from: all) { $0[keyPath: values] = $1 } }
  }

  /// One column of 16-bit ids for all layers, stored as 32-bit numbers.
  private mutating func codeLayers<Coder: StateCoder & ~Copyable>(
    _ name: String, _ values: WritableKeyPath<MixtureLayer, [UInt16]>, _ coder: inout Coder,
    note: String
  ) throws(Coder.Failure) {
    var all = column { $0[keyPath: values].map(UInt32.init) }
    guard !all.isEmpty else { return }
    try coder.code(name, &all, note: note)
    if Coder.isReader {
      // A stored number beyond 16 bits becomes an id that no expert has, which `isSound(experts:)`
      // then refuses.
      fill(from: all) { $0[keyPath: values] = $1.map { UInt16(exactly: $0) ?? .max - 1 } }
    }
  }

  /// One column of weights for all layers.
  private mutating func codeLayers<Coder: StateCoder & ~Copyable>(
    _ name: String, _ values: WritableKeyPath<MixtureLayer, [Float]>, _ coder: inout Coder,
    note: String
  ) throws(Coder.Failure) {
    var all = column { $0[keyPath: values] }
    guard !all.isEmpty else { return }
    try coder.code(name, &all, note: note)
    if Coder.isReader { fill(from: all) { $0[keyPath: values] = $1 } }
  }

  /// The values of all layers, `[layer, value]`, in room that is made once: a table can be most of
  /// the mixture.
  private func column<Value>(_ values: (MixtureLayer) -> [Value]) -> [Value] {
    var all: [Value] = []
    for layer in layers {
      let own = values(layer)
      if all.isEmpty { all.reserveCapacity(own.count * layers.count) }
      all += own
    }
    return all
  }

  /// Gives every layer its share of a column that was read.
  private mutating func fill<Value>(
    from all: [Value], _ set: (inout MixtureLayer, [Value]) -> Void
  ) {
    let each = all.count / layers.count
    for layer in layers.indices {
      set(&layers[layer], Array(all[layer * each..<(layer + 1) * each]))
    }
  }
}

/// How stored paths are written and read.
extension PathMemory {
  /// Passes the stored paths through `coder`. Bitmaps by expert (``PathMemory/columns``) are not
  /// stored but made anew from the paths.
  mutating func code<Coder: StateCoder & ~Copyable>(
    with coder: inout Coder
  ) throws(Coder.Failure) {
    var count = [UInt64(written)]
    try coder.code("paths_written", &count, note: "tokens ever stored")
    written = Int(clamping: count[0])
    // Only slots that hold a token are stored; they are the first ones until the memory is full.
    let filled = min(written, capacity)
    var paths = Array(masks.prefix(filled * layers * words))
    var followers = Array(successors.prefix(filled))
    try coder.code(
      "paths", &paths, note: "bits of the experts chosen: slot, layer, word")
    try coder.code(
      "successors", &followers, note: "number of the token that followed, or -1")
    if Coder.isReader {
      masks.replaceSubrange(0..<filled * layers * words, with: paths)
      successors.replaceSubrange(0..<filled, with: followers)
    }
    try coder.code("last_stored", &lastStored, note: "a live request's last token")
    try coder.code(
      "trail_counts", &trails.counts, note: "candidates left by a request's last token"
    )
    try coder.code("trail_tokens", &trails.tokens, note: "numbers of the candidates")
    try coder.code(
      "trail_scores", &trails.scores, note: "their scores by metric, in 64ths")
    if Coder.isReader { rebuildColumns() }
  }

  /// Fills the bitmaps over slots from the stored paths.
  mutating func rebuildColumns() {
    let mapWords = capacity / 64
    for index in columns.indices { columns[index] = 0 }
    for slot in 0..<min(written, capacity) {
      for layer in 0..<min(Self.selecting, layers) {
        for word in 0..<words {
          var bits = masks[sets[slot, layer, word]]
          while bits != 0 {
            let expert = word * 64 + bits.trailingZeroBitCount
            bits &= bits - 1
            guard expert < experts else { continue }
            columns[(layer * experts + expert) * mapWords + slot / 64] |= 1 << UInt64(slot & 63)
          }
        }
      }
    }
  }
}
