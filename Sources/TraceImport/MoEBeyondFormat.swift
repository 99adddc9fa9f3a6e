import Glibc
import RoutingTrace

extension ForeignFormat {
  /// The MoE-Beyond data set: a CSV file a prompt.
  public static let moeBeyond = ForeignFormat(MoEBeyondFormat.self)
}

/// The MoE-Beyond data set: a CSV file a prompt,
/// `Layer ID,Batch Number,Token,Activated Expert IDs`, all tokens of one layer, then those of the
/// next; prefill only, in no order of weight.
///
/// The ids stand in quotes, `"[8, 10, 14]"`; tokens with commas, quotes or line ends too. Layer ids
/// are the model's own.
struct MoEBeyondFormat: TraceFormat {
  static let name = "moe-beyond-csv"
  static let summary = "MoE-Beyond CSV, one prompt a file"
  static let marks = ["Layer ID", "Batch Number", "Token", "Activated Expert IDs"]

  static let sample = (
    fileName: "1.csv",
    content: Array(
      """
      Layer ID,Batch Number,Token,Activated Expert IDs
      1,0,<s>,"[3, 1]"
      2,0,<s>,"[5, 6]"

      """.utf8)
  )

  private static let header = Array("Layer ID,Batch Number,Token,Activated Expert IDs".utf8)

  private var file: SourceFile

  init(options: ImportOptions) throws(ImportError) {
    file = SourceFile(options: options)
  }

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".csv") }

  /// Whether the file begins with the header line of the data set.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    head.starts(with: header)
  }

  mutating func open(_ source: TraceSource) throws(ImportError) { try file.open(source) }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    guard let source = file.take() else { return nil }
    let bytes = file.bytes.bytes
    var table = ExpertTable(bytes: bytes, bounds: bounds)
    var rows = CSVRows(bytes)
    do throws(CSVProblem) {
      guard let first = try rows.next(),
        bytes[first.start..<first.end].elementsEqual(Self.header)
      else {
        throw CSVProblem(
          "the first line is not that of a MoE-Beyond table", isFormat: true,
          remedy: "choose another --format, or leave the file out")
      }
      while let row = try rows.next() { try table.add(row) }
      return try table.request(named: source.stem)
    } catch {
      throw ImportError(
        error.isFormat ? .notATrace : .malformed, file: source.path,
        line: rows.line, token: table.token, layer: table.layer, problem: error.problem,
        remedy: error.remedy)
    }
  }
}

/// The rows of one prompt, layer by layer.
private struct ExpertTable {
  private let bytes: UnsafeRawBufferPointer
  private var topK: Int?
  /// Whether top-k comes from the shape or the options.
  private let isTopKGiven: Bool
  private var layers: [Int] = []
  private var batch: Int?
  /// Layer-major ids in the order of the rows.
  private var ids: [UInt16] = []
  /// The first layer's tokens as they stand in the file.
  private var texts: [Range<Int>] = []
  /// Where batch and layer of the latest row stand.
  private var latestHead = 0..<0
  /// Token and layer of the latest row.
  private(set) var token: Int?
  private(set) var layer: Int?

  init(bytes: UnsafeRawBufferPointer, bounds: EventBounds) {
    self.bytes = bytes
    topK = bounds.topK
    isTopKGiven = bounds.topK != nil
  }

  /// Adds a row, which must be the next of its layer's tokens or the first of the next layer.
  mutating func add(_ row: CSVRows.Row) throws(CSVProblem) {
    // Most rows are of the same batch and layer as the one before.
    let head = row.start..<row.commas.1
    if !isSame(head, latestHead) {
      try begin(row)
      latestHead = head
    }
    let position = (token ?? -1) + 1
    token = position
    let text = row.commas.1 + 1..<row.commas.2
    if layers.count == 1 {
      texts.append(text)
    } else {
      guard position < texts.count else {
        throw CSVProblem(
          "layer \(layer ?? 0) has more than the \(texts.count) tokens of layer \(layers[0])")
      }
      guard isSame(texts[position], text) else {
        throw CSVProblem(
          "the token is another one than in layer \(layers[0])",
          remedy: "write every layer's rows in the order of the same tokens")
      }
    }
    try addIDs(row.commas.2 + 1..<row.end)
  }

  /// Reads batch and layer of a row, which may be the first of another layer.
  private mutating func begin(_ row: CSVRows.Row) throws(CSVProblem) {
    let number = try number(row.start..<row.commas.0, "layer id")
    let batch = try self.number(row.commas.0 + 1..<row.commas.1, "batch number")
    guard self.batch ?? batch == batch else {
      throw CSVProblem(
        "batch \(batch) follows batch \(self.batch ?? 0): one prompt a file is expected",
        remedy: "split the table into one file a batch")
    }
    self.batch = batch
    guard number != layer else { return }
    try finishLayer()
    guard !layers.contains(number) else {
      throw CSVProblem(
        "layer \(number) begins again: rows must stand layer by layer",
        remedy: "sort the rows by Layer ID, those of a layer in the order of the tokens")
    }
    layers.append(number)
    layer = number
    token = nil
  }

  /// The request, once all rows were added.
  mutating func request(named name: String) throws(CSVProblem) -> RawRequest {
    guard !layers.isEmpty else { throw CSVProblem("the table has no rows") }
    try finishLayer()
    token = nil
    layer = nil
    let topK = topK ?? 0
    let tokens = texts.count
    let order = layers.indices.sorted { layers[$0] < layers[$1] }
    let ids = tokenMajor(
      ids, columns: order.map { $0 * tokens * topK }, tokens: tokens, topK: topK,
      empty: TokenBlock.emptySlot)
    return RawRequest(
      name: name, tokens: tokens, prefill: tokens, layers: .numbered(order.map { layers[$0] }),
      topK: topK, ids: ids)
  }

  /// Throws unless the layer that ends has as many tokens as the first.
  private func finishLayer() throws(CSVProblem) {
    guard let token, token + 1 != texts.count else { return }
    throw CSVProblem("the layer has \(token + 1) tokens, but layer \(layers[0]) has \(texts.count)")
  }

  /// Whether two stretches of the file hold the same bytes.
  private func isSame(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
    guard a.count == b.count, let base = bytes.baseAddress else { return false }
    return memcmp(base + a.lowerBound, base + b.lowerBound, a.count) == 0
  }

  /// The whole number in a stretch of the file; `what` it is, for messages.
  private func number(_ range: Range<Int>, _ what: String) throws(CSVProblem) -> Int {
    guard let number = wholeNumber(bytes[range]), number <= 65535 else {
      throw CSVProblem("the \(what) is not a whole number")
    }
    return number
  }

  /// `[8, 10, 14]` and nothing else, read at once; false for all others, which say what is wrong.
  private mutating func addPlainRow(_ range: Range<Int>, topK: Int) -> Bool {
    guard topK <= Self.widestRow else { return false }
    let text = UnsafeRawBufferPointer(rebasing: bytes[range])
    return withUnsafeTemporaryAllocation(of: UInt16.self, capacity: Self.widestRow) { row in
      guard takeShortList(text, topK, into: row) else { return false }
      ids.append(contentsOf: row[..<topK])
      return true
    }
  }

  /// Ids of a row that are read at once.
  private static let widestRow = 64

  /// `"[8, 10, 14]"`, the quotes left out where there is one id.
  private mutating func addIDs(_ range: Range<Int>) throws(CSVProblem) {
    var range = range
    if range.count >= 2, bytes[range.lowerBound] == 0x22, bytes[range.upperBound - 1] == 0x22 {
      range = range.lowerBound + 1..<range.upperBound - 1
    }
    guard range.count >= 2, bytes[range.lowerBound] == UInt8(ascii: "["),
      bytes[range.upperBound - 1] == UInt8(ascii: "]")
    else { throw CSVProblem("the expert ids are not a list in brackets") }
    if let topK, addPlainRow(range, topK: topK) { return }
    let first = ids.count
    var at = range.lowerBound + 1
    let end = range.upperBound - 1
    while at < end {
      skipBlanks(&at, end)
      let id = takeID(&at, end: end)
      skipBlanks(&at, end)
      guard let id, at == end || bytes[at] == 0x2C else {
        throw CSVProblem("an expert id is not a whole number")
      }
      ids.append(id)
      at &+= 1
    }
    try fill(from: first)
  }

  /// Passes over blanks.
  private func skipBlanks(_ at: inout Int, _ end: Int) {
    while at < end, bytes[at] == 0x20 { at &+= 1 }
  }

  /// An id; an empty slot for -1 and for Python's word for nothing.
  private func takeID(_ at: inout Int, end: Int) -> UInt16? {
    for word in Self.nothing where bytes[at..<end].starts(with: word) {
      at += word.count
      return TokenBlock.emptySlot
    }
    return takeWholeNumber(bytes, &at, end: end)
      .map(RawRequest.id)
  }

  /// How files write that a slot holds no expert.
  private static let nothing = ["-1", "None", "null"].map { Array($0.utf8) }

  /// Gives the event whose ids begin at `first` as many slots as all have; a wider one widens those
  /// before it, where neither the shape nor the options tell.
  private mutating func fill(from first: Int) throws(CSVProblem) {
    let count = ids.count - first
    let known = max(1, topK ?? 1)
    if count > known {
      guard !isTopKGiven, count <= Self.widestRow else {
        throw CSVProblem(
          "\(count) expert ids; an event has at most \(isTopKGiven ? known : Self.widestRow)",
          remedy: isTopKGiven
            ? "give the shape or the --top-k of the model that was traced"
            : "write one row a token and layer")
      }
      let earlier = ids[..<first]
      var wider: [UInt16] = []
      for event in stride(from: 0, to: first, by: known) {
        wider += earlier[event..<event + known]
        wider += Array(repeating: TokenBlock.emptySlot, count: count - known)
      }
      ids = wider + ids[first...]
      topK = count
    } else {
      topK = known
      ids += Array(repeating: TokenBlock.emptySlot, count: known - count)
    }
  }
}
