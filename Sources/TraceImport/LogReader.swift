import CSimdJSON
import RoutingTrace

/// Reads routing logs of one dialect, request by request; logs that are open together are joined by
/// the order of their records and must have the same tokens.
struct LogReader {
  private let dialect: LogDialect
  private let json: JSONReader
  private let options: ImportOptions
  /// The open source's name, for requests that have none.
  private var stem = ""
  /// The logs that are read together.
  private var logs: [RoutingLog] = []
  /// Requests of their recording that were not handed on, the next one last.
  private var waiting: [LoggedRequest] = []
  /// Makes requests of what was gathered.
  private var finisher: LoggedRequestFinisher

  init(_ dialect: LogDialect, options: ImportOptions) throws(ImportError) {
    self.dialect = dialect
    json = try JSONReader()
    self.options = options
    finisher = LoggedRequestFinisher(options: options)
  }

  /// Neighbours of one folder that hold other layers of one model are opened together.
  static func sources(
    of files: [FoundFile], dialect: LogDialect
  ) throws(ImportError) -> [TraceSource] {
    var sources: [TraceSource] = []
    guard dialect.joinsLayers else {
      return files.map {
        TraceSource(path: $0.path, folder: $0.folder, size: $0.size, files: [$0])
      }
    }
    let json = try JSONReader()
    var group: RoutingLog.Facts?
    for file in files {
      let facts = RoutingLog.facts(of: file, dialect: dialect, json: json)
      let last = sources.last?.files.last
      if let group, last?.isStandardInput == false, !file.isStandardInput, let last,
        parent(last.path) == parent(file.path), !facts.layers.isEmpty,
        facts.model == group.model, facts.topK == group.topK,
        Set(facts.layers).isDisjoint(with: group.layers)
      {
        sources[sources.count - 1].files.append(file)
        sources[sources.count - 1].size += file.size
      } else {
        sources.append(
          TraceSource(path: file.path, folder: file.folder, size: file.size, files: [file]))
        group = RoutingLog.Facts(model: facts.model, topK: facts.topK)
      }
      group?.layers += facts.layers
    }
    return sources
  }

  mutating func open(_ source: TraceSource) throws(ImportError) {
    logs = []
    for file in source.files {
      logs.append(
        try RoutingLog(
          file, dialect: dialect, json: json, limit: options.maximumFileSize,
          readsWeights: options.readsWeights))
    }
    stem = source.stem
  }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    if waiting.isEmpty { waiting = try nextRecording(within: bounds).reversed() }
    guard var request = waiting.popLast() else { return nil }
    if dialect.mayCountLayersFromOne { countFromZero(&request) }
    return try finisher.finish(
      request, file: logs[0].found.path, stem: dialect.keys.request.length == 0 ? stem : "",
      tellsPrompt: dialect.tellsPrompt,
      experts: logs.lazy.compactMap(\.facts.experts).first, remarks: logs.flatMap(\.remarks))
  }

  /// Numbers layers as the model does, where they are its MoE layers only if counted from 1.
  private func countFromZero(_ request: inout LoggedRequest) {
    guard let model = options.model else { return }
    let (own, known) = (Set(request.columns.map(\.layer)), Set(model.moeLayers))
    guard !known.isSuperset(of: own), known.isSuperset(of: own.map { $0 - 1 }) else { return }
    request.renumberLayers { $0 - 1 }
  }

  /// The requests of the next recording of all logs, joined.
  private mutating func nextRecording(
    within bounds: EventBounds
  ) throws(ImportError) -> [LoggedRequest] {
    var requests: [LoggedRequest] = []
    for index in logs.indices {
      let others = try logs[index].nextRecording(within: bounds)
      if index == 0 {
        requests = others
        continue
      }
      let (own, first) = (logs[index], logs[0])
      if let isWeighted = own.isWeighted,
        let other = logs[..<index].first(where: { $0.isWeighted ?? isWeighted != isWeighted })
      {
        throw ImportError(
          .mismatch, file: own.found.path,
          problem: "it has \(isWeighted ? "" : "no ")\(dialect.keys.weights.string), "
            + "unlike \(other.found.name)",
          remedy: "leave gate weights out with --no-weights")
      }
      guard others.count == requests.count else {
        throw ImportError(
          .mismatch, file: own.found.path, line: own.line,
          problem: "\(others.count) requests, but \(first.found.name) has \(requests.count) there",
          remedy: "they are not of one run: import them one at a time")
      }
      for (ordinal, other) in others.enumerated() {
        try join(other, of: own, into: &requests[ordinal], of: first)
      }
    }
    return requests
  }

  /// Joins what two logs hold of one request.
  private func join(
    _ other: LoggedRequest, of log: RoutingLog, into request: inout LoggedRequest,
    of first: RoutingLog
  ) throws(ImportError) {
    let known = Set(request.columns.map(\.layer))
    if let twice = other.columns.first(where: { known.contains($0.layer) }) {
      throw ImportError(
        .malformed, file: log.found.path, layer: twice.layer,
        problem: "the layer is in another file of the folder too",
        remedy: "import the files one at a time")
    }
    guard other.name == request.name, other.topK == request.topK else {
      throw ImportError(
        .mismatch, file: log.found.path,
        problem: "request \(other.name), top-\(other.topK), but \(first.found.name) has "
          + "\(request.name), top-\(request.topK), there",
        remedy: "they are not of one run: import them one at a time")
    }
    if let token = request.firstDifference(from: other) {
      throw ImportError(
        .mismatch, file: log.found.path, token: token,
        problem: "the token stands elsewhere in its engine step than in \(first.found.name) "
          + "(\(other.tokens) and \(request.tokens) tokens in all)",
        remedy: token > 0
          ? "import the files one at a time, or keep of each what is before that token"
          : "they are not of one run: import them one at a time")
    }
    request.join(other)
  }
}
