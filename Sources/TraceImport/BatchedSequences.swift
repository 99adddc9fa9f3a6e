import Archive

/// A forward pass of an engine: rows of tokens, each with its position in its own request.
struct Batch {
  /// The kinds of passes whose rows are tokens of requests.
  enum Mode: Int {
    /// Prompts, or parts of them.
    case extend = 1
    /// The next token of every request under way.
    case decode = 2
    /// Parts of prompts, and behind them the next tokens of requests under way.
    case mixed = 3
  }

  let mode: Mode
  let tokens: [Int]
  let positions: [Int]
  /// Rows of each prompt's part.
  let lengths: [Int]

  /// Tokens of the batch.
  var rows: Int { tokens.count }

  /// What SGLang calls a pass of a rank that has nothing to do.
  private static let idle = 4

  /// A record of SGLang's recorder; nil for a pass without tokens.
  init?(_ record: PickleValue) throws(BatchProblem) {
    guard let mode = record["forward_mode"]?.integer else { throw Self.countsOnly("forward_mode") }
    if mode == Self.idle { return nil }
    guard let known = Mode(rawValue: mode) else {
      throw BatchProblem(
        "the forward mode \(mode), whose rows are not a request's tokens one after another",
        remedy: "record without speculative decoding")
    }
    if let key = record["gatherer_key"]?.text, key != "primary" {
      throw BatchProblem(
        "the rows of a half of the batch (\(key.prefix(40)))",
        remedy: "record without two-batch overlap")
    }
    guard let tokens = record["input_ids"]?.integers,
      let positions = record["positions"]?.integers, positions.count == tokens.count
    else { throw BatchProblem("no input_ids and positions of as many tokens") }
    (self.mode, self.tokens, self.positions) = (known, tokens, positions)
    guard known != .decode else {
      lengths = []
      return
    }
    let lengths = record["extend_seq_lens"]?.integers ?? []
    var sum = 0
    for length in lengths {
      guard length >= 0, length <= tokens.count - sum else { throw Self.otherLengths(lengths) }
      sum += length
    }
    guard sum == tokens.count else { throw Self.otherLengths(lengths) }
    self.lengths = lengths
  }

  /// A batch as it is.
  init(mode: Mode, tokens: [Int], positions: [Int], lengths: [Int] = []) {
    (self.mode, self.tokens, self.positions, self.lengths) = (mode, tokens, positions, lengths)
  }

  /// The problem of a record that lacks what `per_token` has.
  static func countsOnly(_ key: String) -> BatchProblem {
    BatchProblem(
      "no \(key): it counts, and does not tell what each token took",
      remedy: "import it as a load profile (-o PROFILE.h5), or record again with "
        + "--expert-distribution-recorder-mode per_token")
  }

  private static func otherLengths(_ lengths: [Int]) -> BatchProblem {
    BatchProblem("extend_seq_lens \(lengths.prefix(8)) that do not add up to its tokens")
  }
}

/// What is wrong with a pass.
struct BatchProblem: Error {
  /// As what the pass has.
  var text: String
  var remedy: String

  init(_ text: String, remedy: String = "record again, or leave the file out") {
    (self.text, self.remedy) = (text, remedy)
  }
}

/// The rows of one request.
struct BatchedSequence {
  /// Where its tokens' rows are.
  var rows: [(pass: Int, row: Int)] = []
  /// Ids of the tokens.
  var tokens: [Int] = []
  /// Tokens of the prompt.
  var prefill = 0
  /// The position that its next token has.
  var next = 0
}

/// Tells the requests of an engine's passes apart, which record rows of a batch and no requests.
///
/// - A part of a prompt begins a request, unless it is the first of its pass and goes on where the
///   last of the prompts before ended: then it is that prompt's next chunk. One that begins behind
///   position 0 without that has its beginning in a cache, so its rows were never computed.
/// - A decoded row is the next token of the request that is at its position. Of several that are at
///   one position, engines keep the order. Where there are as many rows as such requests, each has
///   its own; where there are fewer or more, nothing tells whose they are: those requests end there,
///   and each row begins one without a prompt (``cutRows``). So no request ever holds two.
/// - A request without a row in a pass that decodes has ended.
struct BatchedSequences {
  /// The requests, in the order of their first rows.
  private(set) var sequences: [BatchedSequence] = []
  /// Decoded rows that could be of several requests.
  private(set) var cutRows = 0
  /// Requests under way, in the order of the batch.
  private var open: [Int] = []
  /// The last prompt of the latest pass of prompts, which may have more chunks.
  private var unfinished: Int?

  /// Adds the rows of a pass.
  ///
  /// - Complexity: O(rows + requests under way).
  mutating func add(_ batch: Batch, pass: Int) throws(BatchProblem) {
    guard batch.mode != .decode else {
      decode(Array(0..<batch.rows), of: batch, pass: pass)
      return
    }
    // Behind the prompts of a mixed pass, rows of one token each go on with requests under way.
    let places = Set(open.map { sequences[$0].next })
    var parts = batch.lengths.count
    var end = batch.rows
    while batch.mode == .mixed, parts > 0, batch.lengths[parts - 1] == 1,
      places.contains(batch.positions[end - 1])
    {
      parts -= 1
      end -= 1
    }
    if end < batch.rows { decode(Array(end..<batch.rows), of: batch, pass: pass) }
    var first = 0
    var last = unfinished
    for part in 0..<parts where batch.lengths[part] > 0 {
      let rows = first..<first + batch.lengths[part]
      first = rows.upperBound
      try checkPositions(of: rows, in: batch)
      let position = batch.positions[rows.lowerBound]
      let sequence: Int
      if rows.lowerBound == 0, position > 0, let unfinished, sequences[unfinished].next == position
      {
        sequence = unfinished
      } else {
        sequence = begin()
      }
      for row in rows { append(row, of: batch, pass: pass, to: sequence) }
      sequences[sequence].prefill += rows.count
      last = sequence
    }
    unfinished = last
  }

  /// Throws unless the rows of a prompt stand in order.
  private func checkPositions(of rows: Range<Int>, in batch: Batch) throws(BatchProblem) {
    let first = batch.positions[rows.lowerBound]
    for row in rows where first < 0 || batch.positions[row] - first != row - rows.lowerBound {
      throw BatchProblem("the position \(batch.positions[row]) in row \(row) of a prompt's rows")
    }
  }

  /// A new request under way.
  private mutating func begin() -> Int {
    sequences.append(BatchedSequence())
    open.append(sequences.count - 1)
    return sequences.count - 1
  }

  private mutating func append(_ row: Int, of batch: Batch, pass: Int, to sequence: Int) {
    sequences[sequence].rows.append((pass, row))
    sequences[sequence].tokens.append(batch.tokens[row])
    // A position of no request is no reason to overflow.
    sequences[sequence].next = batch.positions[row] &+ 1
  }

  /// Adds rows of one token each, and ends the requests that have none.
  private mutating func decode(_ rows: [Int], of batch: Batch, pass: Int) {
    guard !rows.isEmpty else { return }
    var waiting: [Int: [Int]] = [:]
    for sequence in open { waiting[sequences[sequence].next, default: []].append(sequence) }
    let rowsAt = Dictionary(grouping: rows) { batch.positions[$0] }
    var taken: [Int: Int] = [:]
    for (position, rows) in rowsAt {
      let candidates = waiting[position] ?? []
      guard candidates.count == rows.count else { continue }
      for (sequence, row) in zip(candidates, rows) { taken[row] = sequence }
    }
    var goingOn: [Int] = []
    for row in rows {
      if taken[row] == nil, waiting[batch.positions[row]] != nil { cutRows += 1 }
      let sequence = taken[row] ?? begin()
      append(row, of: batch, pass: pass, to: sequence)
      goingOn.append(sequence)
    }
    // A prompt whose next chunk is to come waits while others decode.
    if let unfinished, sequences[unfinished].prefill == sequences[unfinished].rows.count,
      !goingOn.contains(unfinished)
    {
      goingOn.append(unfinished)
    }
    open = goingOn
  }
}
