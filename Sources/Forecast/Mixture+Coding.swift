import RoutingTrace

/// Writes or reads the columns of a ``Mixture``'s state.
///
/// One description of the state serves both ways: a writer takes the values it is given, a reader
/// replaces them by as many of its own.
public protocol MixtureCoder: ~Copyable {
  associatedtype Failure: Error

  /// Whether the values are replaced: a writer's are left alone, and not copied for it.
  static var isReader: Bool { get }

  /// - Parameters:
  ///   - name: unique within a mixture.
  ///   - values: the values; where `isOpen`, a reader may give any number of them.
  ///   - note: what the values are, for people.
  mutating func code(
    _ name: String, _ values: inout [UInt64], isOpen: Bool, note: String
  ) throws(Failure)
  mutating func code(
    _ name: String, _ values: inout [UInt32], isOpen: Bool, note: String
  ) throws(Failure)
  mutating func code(
    _ name: String, _ values: inout [Int32], isOpen: Bool, note: String
  ) throws(Failure)
  mutating func code(
    _ name: String, _ values: inout [Float], isOpen: Bool, note: String
  ) throws(Failure)
}

extension Mixture {
  /// Passes every column of the state through `coder`.
  ///
  /// A reader begins with a fresh mixture of the same shape and options, and checks
  /// ``fault(tokens:chosen:)`` at the end.
  public mutating func code<Coder: MixtureCoder & ~Copyable>(with coder: inout Coder) throws(Coder
    .Failure)
  {
    try requests.code(with: &coder)
    let used = requests.used
    for layer in layers.indices { layers[layer].reserve(requests: used) }
    paths?.reserve(requests: used)
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
      "request_counts", \.requestCounts, &coder, note: "times a live request chose an expert")
    try codeLayers(
      "recent_counts", \.recentCounts, &coder, note: "decayed frequencies of a live request")
    try codeLayers("weights", \.weights, &coder, note: "weights of the parts")
    try codeLayers("power", \.power, &coder, note: "mean squares of the weights' gradients")
    try codeLayers(
      "linear", \.linear.values, &coder, note: "weights of the linear part, row by row")
    try codeLayers("linear_visits", \.linearVisits, &coder, note: "times a row was looked at")
    try paths?.code(with: &coder)
  }

  private func tabledParts(_ parts: [MixtureParts]) -> [String] {
    let tabled = MixtureLayer.tabled(options.parts)
    return parts.filter(tabled.contains).compactMap { part in
      MixtureParts.named.first { $0.part == part }?.name
    }
  }

  /// One column for all layers, one layer after another.
  private mutating func codeLayers<Coder: MixtureCoder & ~Copyable>(
    _ name: String, _ values: WritableKeyPath<MixtureLayer, [UInt32]>, _ coder: inout Coder,
    note: String
  ) throws(Coder.Failure) {
    var all = column { $0[keyPath: values] }
    guard !all.isEmpty else { return }
    try coder.code(name, &all, isOpen: false, note: note)
    if Coder.isReader { fill(from: all) { $0[keyPath: values] = $1 } }
  }

  private mutating func codeLayers<Coder: MixtureCoder & ~Copyable>(
    _ name: String, _ values: WritableKeyPath<MixtureLayer, [UInt16]>, _ coder: inout Coder,
    note: String
  ) throws(Coder.Failure) {
    var all = column { $0[keyPath: values].map(UInt32.init) }
    guard !all.isEmpty else { return }
    try coder.code(name, &all, isOpen: false, note: note)
    if Coder.isReader {
      // What is no 16-bit number becomes one that no expert has, and so is not sound.
      fill(from: all) { $0[keyPath: values] = $1.map { UInt16(exactly: $0) ?? .max - 1 } }
    }
  }

  private mutating func codeLayers<Coder: MixtureCoder & ~Copyable>(
    _ name: String, _ values: WritableKeyPath<MixtureLayer, [Float]>, _ coder: inout Coder,
    note: String
  ) throws(Coder.Failure) {
    var all = column { $0[keyPath: values] }
    guard !all.isEmpty else { return }
    try coder.code(name, &all, isOpen: false, note: note)
    if Coder.isReader { fill(from: all) { $0[keyPath: values] = $1 } }
  }

  /// The values of all layers, in room that is made once: a table can be most of the mixture.
  private func column<Value>(_ values: (MixtureLayer) -> [Value]) -> [Value] {
    var all: [Value] = []
    for layer in layers {
      let own = values(layer)
      if all.isEmpty { all.reserveCapacity(own.count * layers.count) }
      all += own
    }
    return all
  }

  private mutating func fill<Value>(
    from all: [Value], _ set: (inout MixtureLayer, [Value]) -> Void
  ) {
    let each = all.count / layers.count
    for layer in layers.indices {
      set(&layers[layer], Array(all[layer * each..<(layer + 1) * each]))
    }
  }
}

extension RequestSlots {
  mutating func code<Coder: MixtureCoder & ~Copyable>(with coder: inout Coder) throws(Coder.Failure)
  {
    let sorted = entries.entries
    var numbers = sorted.map(\.request)
    var ages = sorted.map(\.value.age)
    var next = sorted.map { UInt64($0.value.nextToken) }
    var places = sorted.map { UInt32($0.value.slot) }
    var stages = sorted.map { UInt32($0.value.stage.rawValue) }
    var tasks = sorted.map { UInt32($0.value.task) }
    var book = [clock, UInt64(used)]
    var unused = free.map { UInt32($0) }
    try coder.code("book", &book, isOpen: false, note: "runs seen; places ever used")
    try coder.code("requests", &numbers, isOpen: true, note: "requests under way, oldest first")
    try coder.code("ages", &ages, isOpen: true, note: "when a request was last heard of, in runs")
    try coder.code("next_tokens", &next, isOpen: true, note: "position of a request's next token")
    try coder.code("places", &places, isOpen: true, note: "where a request's state lies")
    try coder.code("stages", &stages, isOpen: true, note: "0 prefill, 1 decode")
    try coder.code("tasks", &tasks, isOpen: true, note: "1 + a bucket of the task's name, or 0")
    try coder.code("free_places", &unused, isOpen: true, note: "places without a request")
    clock = book[0]
    used = Int(clamping: book[1])
    free = unused.map { Int($0) }
    let counts = Set([ages.count, next.count, places.count, stages.count, tasks.count])
    guard counts == [numbers.count], used <= capacity else {
      // Not sound: more places than there can be.
      used = 0
      free = [-1]
      entries = RequestBook(capacity: capacity)
      return
    }
    entries = RequestBook(capacity: capacity)
    for (index, number) in numbers.enumerated() {
      entries.note(
        number,
        Entry(
          slot: Int(places[index]), age: ages[index], nextToken: Int(clamping: next[index]),
          stage: Stage(rawValue: UInt8(clamping: stages[index])) ?? .decode,
          task: Int(tasks[index])))
    }
    if entries.count != numbers.count
      || stages.contains(where: { Stage(rawValue: UInt8(clamping: $0)) == nil })
    {
      free = [-1]
    }
  }
}

extension PathMemory {
  mutating func code<Coder: MixtureCoder & ~Copyable>(with coder: inout Coder) throws(Coder.Failure)
  {
    var count = [UInt64(written)]
    try coder.code("paths_written", &count, isOpen: false, note: "tokens ever stored")
    written = Int(clamping: count[0])
    // Only the slots that are filled; they are the first until the memory is full.
    let filled = min(written, capacity)
    var paths = Array(masks.prefix(filled * layers * words))
    var followers = Array(successors.prefix(filled))
    try coder.code(
      "paths", &paths, isOpen: false, note: "bits of the experts chosen: slot, layer, word")
    try coder.code(
      "successors", &followers, isOpen: false, note: "number of the token that followed, or -1")
    if Coder.isReader {
      masks.replaceSubrange(0..<filled * layers * words, with: paths)
      successors.replaceSubrange(0..<filled, with: followers)
    }
    try coder.code("last_stored", &lastStored, isOpen: false, note: "a live request's last token")
    try coder.code(
      "trail_counts", &trailCounts, isOpen: false, note: "candidates left by a request's last token"
    )
    try coder.code("trail_tokens", &trailTokens, isOpen: false, note: "numbers of the candidates")
    try coder.code(
      "trail_scores", &trailScores, isOpen: false, note: "their scores by metric, in 64ths")
    if Coder.isReader { rebuildColumns() }
  }

  /// Fills the bitmaps over slots from the stored paths.
  private mutating func rebuildColumns() {
    let mapWords = capacity / 64
    for index in columns.indices { columns[index] = 0 }
    for slot in 0..<min(written, capacity) {
      for layer in 0..<min(Self.selecting, layers) {
        for word in 0..<words {
          var bits = masks[(slot * layers + layer) * words + word]
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
