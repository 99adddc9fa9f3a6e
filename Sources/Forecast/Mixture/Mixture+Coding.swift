import Counting
import RoutingTrace

/// How a mixture is stored: the tables of its state, each with its name and axes in model files.
extension Mixture {
  /// Passes every table of the state through `coder`.
  ///
  /// A reader begins with a fresh mixture of the same shape and options, and checks
  /// ``fault(tokens:chosen:)`` at the end.
  ///
  /// - Parameter places: places of the book of requests that the mixture learns from.
  /// - Complexity: O(bytes of the tables); one table at a time is in memory beside them.
  public mutating func code<Coder: StateCoder & ~Copyable>(
    with coder: inout Coder, places: Int
  ) throws(Coder.Failure) {
    reserve(places: places)
    let axes = MixtureAxes(shape, options, inputs: layers.first?.inputs ?? [])
    try codeLayers(
      "frequency", \.frequency.cells.values, [axes.expert], &coder,
      note: "times an expert was chosen")
    try codeLayers("frequency_totals", \.frequency.totals, [], &coder, note: "sum of frequency")
    for (index, part) in tabledParts(MixtureLayer.rowParts).enumerated() {
      try codeLayers(
        "rows_" + part, \.rows[index].cells.values, [axes.given, axes.expert], &coder,
        note: "times an expert followed another")
      try codeLayers(
        "row_totals_" + part, \.rows[index].totals, [axes.given], &coder, note: "sums of the rows")
    }
    for (index, part) in tabledParts(MixtureLayer.pairParts).enumerated() {
      let rows = axes.pairs(part, layers.first?.pairs[index].rows ?? 0)
      try codeLayers(
        "keys_" + part, \.pairs[index].keys, [rows], &coder,
        note: "1 + the number of a row's pair, or 0")
      try codeLayers(
        "rows_" + part, \.pairs[index].table.cells.values, [rows, axes.expert], &coder,
        note: "times an expert followed a pair")
      try codeLayers(
        "row_totals_" + part, \.pairs[index].table.totals, [rows], &coder,
        note: "sums of the rows")
    }
    let repeats = axes.repeats(layers.first?.repeats.places ?? 0)
    try codeLayers(
      "repeat_keys", \.repeats.keys, [repeats], &coder,
      note: "hash of a context with its lowest bit set, or 0")
    try codeLayers(
      "repeat_counts", \.repeats.counts, [repeats], &coder, note: "sets kept of a context")
    try codeLayers(
      "repeat_sets", \.repeats.sets, [repeats, axes.sets, axes.slot], &coder,
      note: "experts that followed a context, newest first")
    // Room is made, never given back, so there may be more places than the book has.
    let request = axes.requests(layers.first.map { $0.histories.places } ?? 0)
    try codeLayers(
      "request_counts", \.histories.counts, [request, axes.expert], &coder,
      note: "times a live request chose an expert")
    try codeLayers(
      "recent_counts", \.histories.recent, [request, axes.expert], &coder,
      note: "decayed frequencies of a live request")
    try codeLayers(
      "weights", \.weights, [axes.part], &coder, note: "weights of the parts' log odds")
    try codeLayers(
      "power", \.power, [axes.part], &coder, note: "mean squares of the weights' gradients")
    try codeLinear(axes, with: &coder)
    try paths?.code(with: &coder)
  }

  /// The linear part's rows: those of the groups' experts, of tasks, and the bias.
  private mutating func codeLinear<Coder: StateCoder & ~Copyable>(
    _ axes: MixtureAxes, with coder: inout Coder
  ) throws(Coder.Failure) {
    let rows = MixtureLayer.linearRows(shape, options.parts)
    guard rows > 0 else { return }
    guard !coder.takesColumnsWithoutAxes else {
      try codeLayers("linear", \.linear.values, [], &coder, note: "")
      return try codeLayers("linear_visits", \.linearVisits, [], &coder, note: "")
    }
    let lanes = layers[0].lanes
    let grouped = EarlierChoices.count * shape.experts
    let kinds = [
      ("", 0..<grouped, [axes.group, axes.given]),
      ("_tasks", grouped..<rows - 1, [axes.task]), ("_bias", rows - 1..<rows, []),
    ]
    for (suffix, range, own) in kinds {
      try codeLayers(
        "linear" + suffix, \.linear.values, own + [axes.expert], &coder,
        range: range.lowerBound * lanes..<range.upperBound * lanes,
        note: "weights of the linear part, added to the parts' log odds")
    }
    for (suffix, range, own) in kinds {
      try codeLayers(
        "linear_visits" + suffix, \.linearVisits, own, &coder, range: range,
        note: "times a row was looked at")
    }
  }

  /// The names of those of `parts` whose tables this mixture keeps, in their order.
  private func tabledParts(_ parts: [MixtureParts]) -> [String] {
    let tabled = MixtureLayer.tabled(options.parts)
    return parts.filter(tabled.contains).compactMap(MixtureParts.name)
  }

  /// One table for all layers, one layer after another.
  private mutating func codeLayers<Coder: StateCoder & ~Copyable>(
    _ name: String, _ values: WritableKeyPath<MixtureLayer, [UInt32]>, _ axes: [StateAxis],
    _ coder: inout Coder, range: Range<Int>? = nil, note: String
  ) throws(Coder.Failure) {
    var all = column(range) { $0[keyPath: values] }
    guard !all.isEmpty else { return }
    try coder.code(name, &all, axes: [.layer(layers.count)] + axes, note: note)
    if Coder.isReader {
      fill(range, from: all) { $0[keyPath: values].replaceSubrange($1, with: $2) }
    }
  }

  /// One table of 16-bit ids for all layers, stored as 32-bit numbers.
  private mutating func codeLayers<Coder: StateCoder & ~Copyable>(
    _ name: String, _ values: WritableKeyPath<MixtureLayer, [UInt16]>, _ axes: [StateAxis],
    _ coder: inout Coder, note: String
  ) throws(Coder.Failure) {
    var all = column(nil) { $0[keyPath: values].map(UInt32.init) }
    guard !all.isEmpty else { return }
    try coder.code(name, &all, axes: [.layer(layers.count)] + axes, note: note)
    if Coder.isReader {
      // A stored number beyond 16 bits becomes an id that no expert has, which `isSound(experts:)`
      // then refuses.
      fill(nil, from: all) {
        $0[keyPath: values].replaceSubrange($1, with: $2.map { UInt16(exactly: $0) ?? .max - 1 })
      }
    }
  }

  /// One table of weights for all layers.
  private mutating func codeLayers<Coder: StateCoder & ~Copyable>(
    _ name: String, _ values: WritableKeyPath<MixtureLayer, [Float]>, _ axes: [StateAxis],
    _ coder: inout Coder, range: Range<Int>? = nil, note: String
  ) throws(Coder.Failure) {
    var all = column(range) { $0[keyPath: values] }
    guard !all.isEmpty else { return }
    try coder.code(name, &all, axes: [.layer(layers.count)] + axes, note: note)
    if Coder.isReader {
      fill(range, from: all) { $0[keyPath: values].replaceSubrange($1, with: $2) }
    }
  }

  /// The values of all layers, `[layer, value]`, in room that is made once: a table can be most of
  /// the mixture.
  ///
  /// - Parameter range: those of a layer that are wanted; nil for all.
  private func column<Value>(
    _ range: Range<Int>?, _ values: (MixtureLayer) -> [Value]
  ) -> [Value] {
    var all: [Value] = []
    for layer in layers {
      let own = values(layer)
      let wanted = range ?? own.indices
      if all.isEmpty { all.reserveCapacity(wanted.count * layers.count) }
      all += own[wanted]
    }
    return all
  }

  /// Gives every layer its share of a table that was read.
  private mutating func fill<Value>(
    _ range: Range<Int>?, from all: [Value],
    _ set: (inout MixtureLayer, Range<Int>, ArraySlice<Value>) -> Void
  ) {
    let each = all.count / layers.count
    for layer in layers.indices {
      set(&layers[layer], range ?? 0..<each, all[layer * each..<(layer + 1) * each])
    }
  }
}

/// The axes of a mixture's tables.
private struct MixtureAxes {
  let expert: StateAxis
  let given: StateAxis
  let part: StateAxis
  let group: StateAxis
  let task = StateAxis("task", TaskName.buckets, note: "bucket of a task's name")
  let sets = StateAxis("set", RepeatTable.depth, note: "set kept of a context, newest first")
  let slot: StateAxis

  init(_ shape: TraceShape, _ options: MixtureOptions, inputs: [MixtureParts]) {
    let lanes = (shape.experts + 7) / 8 * 8
    // Rows are padded to whole eights.
    expert =
      lanes == shape.experts
      ? .expert(lanes)
      : StateAxis(
        StateAxis.lane, lanes, note: "expert that was chosen; zeros from \(shape.experts) on")
    given = .givenExpert(shape.experts)
    part = StateAxis(
      "part", names: inputs.compactMap(MixtureParts.name), note: "part of the mixture")
    group = StateAxis(
      "group", names: EarlierChoices.names,
      note: "earlier choice that the linear part looks at")
    slot = StateAxis("slot", shape.topK, note: "place in a set of experts")
  }

  func pairs(_ part: String, _ rows: Int) -> StateAxis {
    StateAxis("row_of_" + part, rows, note: "row of the hash table of pairs")
  }

  func repeats(_ places: Int) -> StateAxis {
    StateAxis("context", places, note: "place in the hash table of contexts")
  }

  func requests(_ places: Int) -> StateAxis {
    StateAxis("place", places, note: "place of a live request")
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
    let one = StateAxis("one", 1, note: "a single number")
    try coder.code("paths_written", &count, axes: [one], note: "tokens ever stored")
    written = Int(clamping: count[0])
    // Only slots that hold a token are stored; they are the first ones until the memory is full.
    let filled = min(written, capacity)
    let stored = StateAxis(
      "stored", filled, note: "place of a stored token; number n is in n % capacity")
    let word = StateAxis("word", words, note: "64 experts, the first in the lowest bit")
    var paths = Array(masks.prefix(filled * layers * words))
    var followers = Array(successors.prefix(filled))
    try coder.code(
      "paths", &paths, axes: [stored, .layer(layers), word], note: "bits of the experts chosen")
    try coder.code(
      "successors", &followers, axes: [stored], note: "number of the token that followed, or -1")
    if Coder.isReader {
      masks.replaceSubrange(0..<filled * layers * words, with: paths)
      successors.replaceSubrange(0..<filled, with: followers)
    }
    let place = StateAxis("place", lastStored.count, note: "place of a live request")
    let candidate = StateAxis("candidate", Self.followed, note: "stored token that matched")
    let metric = StateAxis(
      "metric", names: Self.metrics.compactMap { MixtureParts.name($0.part) },
      note: "part whose way of comparing paths it is")
    try coder.code("last_stored", &lastStored, axes: [place], note: "a live request's last token")
    try coder.code(
      "trail_counts", &trails.counts, axes: [place],
      note: "candidates left by a request's last token")
    try coder.code(
      "trail_tokens", &trails.tokens, axes: [place, candidate], note: "numbers of the candidates")
    try coder.code(
      "trail_scores", &trails.scores, axes: [place, candidate, metric],
      note: "their scores by metric, in 64ths")
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
