import CSimdJSON
import RoutingTrace

/// One file of a routing log, read line by line and gathered into requests.
///
/// A recording begins with a meta line or with the file; where an engine started anew, a file has
/// several.
struct RoutingLog {
  /// What a meta line, or where there is none the first record, says of a log.
  struct Facts: Equatable {
    /// The model's name; empty where it is not told.
    var model = ""
    /// Ids in an event, or nil.
    var topK: Int?
    /// Layers that are recorded.
    var layers: [Int] = []
    /// Experts of a layer, or nil.
    var experts: Int?
  }

  /// The file that is read.
  let found: FoundFile
  /// How its records are written.
  let dialect: LogDialect
  private let lines: LineReader
  private let json: JSONReader
  private let readsWeights: Bool
  /// The meta line in force.
  private(set) var facts = Facts()
  /// Whether records of a log have gate weights, once one was seen.
  private(set) var isWeighted: Bool?
  /// Requests of the recording by name, in the order of their first records.
  private var requests: [LoggedRequest] = []
  private var ordinals: [String: Int] = [:]
  /// What these requests decoded, in the same order, where records tell their phase.
  private var decoded: [LoggedRequest] = []
  /// The request of the latest record, and its name.
  private var latest = 0
  private var latestName: [UInt8] = []
  /// Different remarks on a log; a hostile one may give cause for more.
  private static let mostRemarks = 8
  /// What is to be said of the log.
  private(set) var remarks: [Remark] = []
  /// The latest record's gate weights.
  private var weights: [Float16] = []

  init(
    _ found: FoundFile, dialect: LogDialect, json: JSONReader, limit: Int, readsWeights: Bool
  ) throws(ImportError) {
    self.found = found
    self.dialect = dialect
    self.json = json
    self.readsWeights = readsWeights
    lines = try LineReader(found, limit: min(limit, Self.longestRecord))
  }

  /// The longest record taken, in bytes: the parser takes some times its size.
  private static let longestRecord = 1 << 26

  /// Lines read so far.
  var line: Int { lines.line }

  /// What the file's first record says; nothing where it cannot be read, which reading it will
  /// tell.
  static func facts(of found: FoundFile, dialect: LogDialect, json: JSONReader) -> Facts {
    do throws(ImportError) {
      let lines = try LineReader(found, limit: 1 << 20)
      while let line = try lines.next() {
        if line.isEmpty { continue }
        let record = try json.record(
          in: line, file: found.path, keys: dialect.keys,
          bounds: csj_bounds(experts: UInt32(EventBounds.mostExperts), top_k: 0, weights: 0))
        switch Int(record.kind) {
        case CSJ_META_RECORD: return Facts(record)
        case CSJ_ROUTE_RECORD: return Facts(layers: [Int(record.layer)])
        default: continue
        }
      }
    } catch {}
    return Facts()
  }

  /// The requests of the next recording that has any; none at the file's end.
  ///
  /// - Complexity: O(bytes of the recording); memory follows its ids.
  mutating func nextRecording(within bounds: EventBounds) throws(ImportError) -> [LoggedRequest] {
    while let line = try lines.next() {
      // A line that was never begun is no record.
      if line.isEmpty { continue }
      let record: csj_record
      let topK = bounds.topK ?? facts.topK
      do throws(ImportError) {
        record = try json.record(
          in: line, file: found.path, keys: dialect.keys,
          bounds: csj_bounds(
            experts: UInt32(bounds.experts), top_k: UInt32(topK ?? 0),
            weights: readsWeights ? 1 : 0))
      } catch {
        throw try fault(error)
      }
      for remark in json.remarks where remarks.count < Self.mostRemarks && !remarks.contains(remark)
      {
        remarks.append(remark)
      }
      switch Int(record.kind) {
      case CSJ_META_RECORD:
        facts = Facts(record)
        try checkTopK(bounds)
        if !requests.isEmpty { return takeRequests() }
      case CSJ_ROUTE_RECORD:
        try add(record, topK: topK)
      default: continue
      }
    }
    return takeRequests()
  }

  /// Throws where the meta line contradicts the shape.
  private func checkTopK(_ bounds: EventBounds) throws(ImportError) {
    guard let own = facts.topK, let topK = bounds.topK, own != topK else { return }
    throw ImportError(
      .mismatch, file: found.path, line: lines.line,
      problem: "its tokens take \(own) experts, but \(topK) are expected",
      remedy: "import the logs of one model at a time, with its --shape or --top-k")
  }

  /// The requests gathered, which are left behind.
  private mutating func takeRequests() -> [LoggedRequest] {
    defer {
      requests = []
      decoded = []
      ordinals = [:]
      latest = 0
    }
    guard dialect.tellsPrompt else { return requests }
    return zip(requests, decoded).map { request, decoded in
      var request = request
      request.append(decoded: decoded)
      return request
    }
  }

  /// Adds a record to the request that it names.
  private mutating func add(_ record: csj_record, topK: Int?) throws(ImportError) {
    let rows = record.rows
    guard rows > 0 else { return }
    let own = record.top_k > 0 ? Int(record.top_k) : nil
    let topK = topK ?? own ?? record.ids_count / rows
    let layer = Int(record.layer)
    guard topK > 0 else {
      throw fault(
        .missing, "the first record has no expert ids to tell how many a token takes", layer,
        remedy: "give --top-k K, or --shape NAME")
    }
    facts.topK = topK
    guard record.ids_count <= topK * rows else {
      throw fault(
        .mismatch, "\(record.ids_count / rows) expert ids in a token that takes \(topK)", layer,
        remedy: "give the shape of the model that was logged, or its --top-k with --experts")
    }
    let phase = UnsafeRawBufferPointer(start: record.phase, count: record.phase_length)
    guard let part = dialect.phase(phase) else {
      return try passOver(phase: phase, layer: layer)
    }
    let request = self.request(of: record, topK: topK)
    guard dialect.keys.has_rows == 0 else {
      guard record.ids_count == topK * record.rows else {
        throw fault(
          .malformed, "its rows do not hold \(topK) experts each", layer,
          remedy: "give --top-k with --experts, or record the log again")
      }
      return try add(rows: record, to: request, layer: layer)
    }
    // The parser fills the event up with empty slots.
    let ids = UnsafeBufferPointer(start: record.ids, count: topK)
    try takeWeights(record, of: ids, layer: layer)
    weights.withUnsafeBufferPointer { weights in
      let place = Int32(record.token)
      if part == .decoded {
        decoded[request].add(place: place, layer: layer, ids: ids, weights: weights)
      } else {
        requests[request].add(place: place, layer: layer, ids: ids, weights: weights)
      }
    }
  }

  /// Adds a record of several tokens.
  private mutating func add(
    rows record: csj_record, to request: Int, layer: Int
  ) throws(ImportError) {
    let ids = UnsafeBufferPointer(start: record.ids, count: record.ids_count)
    guard requests[request].addLayer(layer, count: record.rows, ids: ids) else {
      throw fault(
        .malformed, "\(record.rows) tokens, more than in the layers of the step before it", layer,
        remedy: "leave the line out, or record the log again")
    }
  }

  /// Notes that records of a phase that is neither the prompt's nor decoding are not read.
  private mutating func passOver(
    phase: UnsafeRawBufferPointer, layer: Int
  ) throws(ImportError) {
    guard !phase.isEmpty else {
      throw fault(
        .malformed, "the record does not tell its phase", layer,
        remedy: "leave the line out, or record the log again")
    }
    let name = String(decoding: phase.prefix(40), as: UTF8.self)
    let remark = Remark.unread("records of \(dialect.keys.phase.string) \(name)")
    if remarks.count < Self.mostRemarks, !remarks.contains(remark) { remarks.append(remark) }
  }

  /// Gate weights beside the ids; an event of which nothing was recorded may lack them.
  private mutating func takeWeights(
    _ record: csj_record, of ids: UnsafeBufferPointer<UInt16>, layer: Int
  ) throws(ImportError) {
    let expected = isWeighted.map { $0 ? record.ids_count : 0 }
    if record.weights_count != expected {
      let isEmpty = ids.allSatisfy { $0 == TokenBlock.emptySlot }
      if isWeighted == nil, !isEmpty { isWeighted = record.weights_count > 0 }
      guard isEmpty || record.weights_count == (isWeighted ?? false ? record.ids_count : 0) else {
        throw weightsFault(record, layer: layer)
      }
    }
    guard isWeighted ?? false else { return }
    if weights.count != ids.count { weights = Array(repeating: 0, count: ids.count) }
    for slot in weights.indices {
      let isThere = ids[slot] != TokenBlock.emptySlot && slot < record.weights_count
      weights[slot] = isThere ? halfPrecision(record.weights[slot]) : 0
    }
  }

  /// Why a record's gate weights are not those of its ids.
  private func weightsFault(_ record: csj_record, layer: Int) -> ImportError {
    let (weights, ids) = (dialect.keys.weights.string, dialect.keys.ids.string)
    let problem =
      record.weights_count == 0 || !(isWeighted ?? false)
      ? "\(record.weights_count == 0 ? "no " : "")\(weights), unlike in earlier records"
      : "\(record.weights_count) \(weights) for \(record.ids_count) \(ids)"
    return fault(.malformed, problem, layer, remedy: "leave gate weights out with --no-weights")
  }

  /// The ordinal of the request that a record is of, which is most often that of the latest.
  private mutating func request(of record: csj_record, topK: Int) -> Int {
    let name = UnsafeRawBufferPointer(start: record.request, count: record.request_length)
    let isLatest = latestName.withUnsafeBufferPointer { isSame(name, $0) }
    if latest < requests.count, isLatest { return latest }
    latestName = Array(name)
    let text = String(decoding: name, as: UTF8.self)
    if let known = ordinals[text] {
      latest = known
    } else {
      latest = requests.count
      ordinals[text] = latest
      requests.append(LoggedRequest(name: text, topK: topK, stepEnd: dialect.steps))
      if dialect.tellsPrompt {
        decoded.append(LoggedRequest(name: text, topK: topK, stepEnd: dialect.steps))
      }
    }
    return latest
  }

  /// A fault of the latest record.
  private func fault(
    _ kind: ImportError.Kind, _ problem: String, _ layer: Int, remedy: String
  ) -> ImportError {
    ImportError(
      kind, file: found.path, line: lines.line, layer: layer, problem: problem, remedy: remedy)
  }

  /// A fault that the parser found in the latest line. The last line is cut off where the engine
  /// was.
  private func fault(_ error: ImportError) throws(ImportError) -> ImportError {
    let line = lines.line
    var remedy = error.remedy
    switch error.kind {
    case .malformed, .notATrace:
      let isLast = try lines.next() == nil
      remedy =
        isLast && line > 1
        ? "leave its last line out: keep the first \(line - 1) (head -n \(line - 1))"
        : "leave the line out, or record the log again"
    default: break
    }
    return ImportError(
      error.kind, file: error.file, line: line, layer: error.layer, problem: error.problem,
      remedy: remedy)
  }
}

extension RoutingLog.Facts {
  /// What a meta line says.
  fileprivate init(_ record: csj_record) {
    model = JSONReader.text(record.model, record.model_length)
    topK = record.top_k > 0 ? Int(record.top_k) : nil
    layers = UnsafeBufferPointer(start: record.layers, count: record.layers_count).map(Int.init)
    experts = record.experts > 0 ? Int(record.experts) : nil
  }
}
