import HDF5
import Prequential

/// Figures noted along the stream, one column each: `history` and `history/PREDICTOR`.
enum HistoryComponent: Component {
  static let groups = ["history"]

  /// Writes a column for each figure, and a group a predictor.
  static func write(_ learner: Learner, to file: borrowing ModelWriter) throws(H5Error) {
    let rows = learner.history
    var group = try file.group("history")
    let row = try group.createAxis(
      "row", rows.indices.map { UInt32($0) }, note: "point of the stream, in order")
    try group.create("chunks", rows.map(\.chunks), axes: [row], note: "chunks passed")
    try group.create("tokens", rows.map(\.tokens), axes: [row], note: "tokens passed")
    try group.create(
      "events", rows.map(\.events), axes: [row], note: "events passed: tokens times layers")
    for (index, name) in learner.predictors.enumerated() {
      let sums = rows.map { $0.predictors[index] }
      var own = GroupWriter(try group.group.createGroup(name))
      try own.create("events", sums.map(\.events), axes: [row], note: "events scored so far")
      try own.create(
        "chosen", sums.map(\.chosen), axes: [row], note: "experts chosen in the events scored")
      try own.create(
        "log_loss", sums.map(\.lossSteps), axes: [row], units: "2^-24 bit",
        note: "log loss of the events scored, in steps of 2^-24 bits")
      for (column, n) in learner.recallAt.enumerated() {
        try own.create(
          "hits_at_\(n)", sums.map { $0.hits[column] }, axes: [row],
          note: "chosen experts among the \(n) best ranked")
      }
      try own.finish()
    }
    try group.finish()
  }

  /// Reads the same columns, all of one length.
  static func read(
    into state: inout LearnerState, from file: borrowing ModelReader
  ) throws(H5Error) {
    let (predictors, recallAt) = (file.header.predictors, file.header.recallAt)
    var group = try file.group("history")
    let rows = try group.places("row")
    let chunks: [UInt64] = try group.read("chunks", shape: [rows])
    let tokens: [UInt64] = try group.read("tokens", shape: [rows])
    let events: [UInt64] = try group.read("events", shape: [rows])
    var sums: [[HistoryRow.Sums]] = Array(repeating: [], count: rows)
    for name in predictors {
      var own = GroupReader(try group.group.group(name))
      let scored: [UInt64] = try own.read("events", shape: [rows])
      let chosen: [UInt64] = try own.read("chosen", shape: [rows])
      let losses: [UInt64] = try own.read("log_loss", shape: [rows])
      var hits: [[UInt64]] = []
      for n in recallAt { hits.append(try own.read("hits_at_\(n)", shape: [rows])) }
      let path = own.path
      try own.finish()
      for row in 0..<rows {
        let own = hits.map { $0[row] }
        guard zip(own, own.dropFirst() + [chosen[row]]).allSatisfy(<=) else {
          throw H5Error(.mismatch, at: path, "hits more than was chosen in row \(row)")
        }
        sums[row].append(
          HistoryRow.Sums(
            events: scored[row], chosen: chosen[row], lossSteps: losses[row], hits: own))
      }
    }
    guard zip(chunks, chunks.dropFirst()).allSatisfy(<), chunks.last ?? 0 <= state.progress.chunks,
      zip(tokens, tokens.dropFirst()).allSatisfy(<=), tokens.last ?? 0 <= state.progress.tokens,
      zip(events, events.dropFirst()).allSatisfy(<=), events.last ?? 0 <= state.progress.events
    else {
      throw H5Error(.mismatch, at: "/history", "its rows do not ascend to the model's totals")
    }
    try group.finish(groups: Set(predictors))
    state.history = (0..<rows).map {
      HistoryRow(chunks: chunks[$0], tokens: tokens[$0], events: events[$0], predictors: sums[$0])
    }
  }
}
