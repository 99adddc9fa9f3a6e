import RoutingTrace

/// Foreign traces as one stream of requests, read one at a time in a defined order.
///
/// ```swift
/// let options = ImportOptions(model: ModelShape.named("gpt-oss-20b"))
/// var importer = try TraceImporter(["traces"], options: options)
/// while let request = try importer.next() { try writer.append(request) }
/// ```
///
/// Order: inputs as given; the files of a folder, at any depth, by their paths below it, byte by
/// byte but with runs of digits as numbers. So `2.json` stands before `10.json`.
///
/// Memory: one file, with what was parsed of it; for ESFT one line of every layer's file; where files
/// are joined, one of every part.
public struct TraceImporter {
  /// The format that is read.
  public let format: ForeignFormat
  /// Whether the format was guessed from the contents.
  public let isGuessed: Bool
  /// The shape of every request, given or taken from the first.
  public let shape: TraceShape
  /// What was taken for the shape, where the options say nothing of it.
  public let proposal: Proposal?
  /// Whether requests have gate weights.
  public var isWeighted: Bool { stream.fit.isWeighted ?? false }
  /// Bytes of all files by the file system.
  public let totalBytes: Int
  /// Files that are read, in order; `-` is standard input. Those of archives have the archive's path
  /// before their own.
  public let paths: [String]
  /// The same as they lie on the disk: archives in place of their files.
  public let pathsOnDisk: [String]
  /// How many files are read.
  public var files: Int { paths.count }
  /// Files in folders that are passed over for their names.
  public let passedOver: Int
  /// Bytes of the files that were read whole.
  public var bytesRead: Int { stream.bytesRead }
  /// What was left out or found absent so far.
  public var omissions: ImportOmissions { stream.fit.omissions }
  /// What is to be said of sources that were read all the same.
  public var remarks: [ImportRemark] { stream.fit.remarks.all }
  /// Requests handed on.
  public private(set) var requests = 0
  /// Tokens handed on.
  public private(set) var tokens = 0

  /// A shape that nobody gave.
  public enum Proposal: Hashable, Sendable, CustomStringConvertible {
    /// The only known model that fits what is in the files.
    case model(ModelShape)
    /// The number of experts that the files tell.
    case experts(Int)

    /// One line for people.
    public var description: String {
      switch self {
      case .model(let model):
        "taken to be \(model.name), the only known model that fits (\(model.moeLayers.count) MoE "
          + "layers, top-\(model.topK) of \(model.experts)); --shape or --experts says otherwise"
      case .experts(let experts):
        "taken to have \(experts) experts a layer, as its files say; --shape or --experts says otherwise"
      }
    }
  }

  /// The requests that follow.
  private var stream: RequestStream
  /// The request that settled the shape, until it is handed on.
  private var first: RequestTrace?

  /// Finds the files and reads the first request, which settles the shape.
  ///
  /// - Parameters:
  ///   - inputs: files and folders; `-` is standard input.
  ///   - wanted: the format, or nil to guess it from the first file in a known one.
  ///   - options: what is known beside the files.
  /// - Throws: ``ImportError`` where nothing is found, no format fits, or the first request cannot
  ///   be read.
  /// - Complexity: O(names below the folders), sorted, and the first request's file.
  public init(
    _ inputs: [String], format wanted: ForeignFormat? = nil, options: ImportOptions
  ) throws(ImportError) {
    // What contradicts itself is told before files are looked for.
    if !options.lacksShape { _ = try RequestValidator(options) }
    let finder = try SourceFinder(
      inputs, format: wanted, limit: options.maximumFileSize, opensArchives: options.opensArchives)
    var options = options
    if options.lacksShape {
      let proposal = try ShapeProposal(finder, options: options)
      options = try proposal.settle(options, file: inputs.joined(separator: ", "))
      self.proposal = options.model.map { .model($0) } ?? options.experts.map { .experts($0) }
    } else {
      proposal = nil
    }
    let fit = try RequestValidator(options)
    format = finder.format
    isGuessed = wanted == nil
    totalBytes = finder.sources.reduce(0) { $0 + $1.size }
    paths = finder.sources.flatMap { $0.files.map(\.path) }
    pathsOnDisk = finder.sources.flatMap { $0.files.map { $0.archive?.path ?? $0.path } }
    passedOver = finder.passedOver
    let parts = options.joins ? try finder.parts(of: inputs) : [finder.sources]
    var streams: [RawStream] = []
    for sources in parts {
      streams.append(
        RawStream(reader: try finder.format.type.init(options: options), sources: sources))
    }
    stream = RequestStream(parts: streams, fit: fit)
    first = try stream.next()
    if first == nil, let fault = stream.fit.fault(file: inputs.joined(separator: ", ")) {
      throw fault
    }
    guard let shape = stream.fit.shape, first != nil else {
      throw ImportError(
        .notATrace, file: inputs.joined(separator: ", "), problem: "there is no request in it",
        remedy: "name another file or folder")
    }
    self.shape = shape
  }

  /// The next request, checked against the shape and in descending gate weight; nil at the end.
  ///
  /// - Throws: ``ImportError``; the stream is spent after it. At the end, of kind
  ///   `recordedNothing`,
  ///   where the requests together show that a layer was not recorded.
  /// - Complexity: O(bytes of the request's file); for ESFT of one line of every layer's file.
  public mutating func next() throws(ImportError) -> RequestTrace? {
    let request: RequestTrace
    if let waiting = first.take() {
      request = waiting
    } else if let next = try stream.next() {
      request = next
    } else {
      if let fault = stream.fit.fault(file: stream.name) { throw fault }
      return nil
    }
    requests += 1
    tokens += request.ids.count / shape.idsPerToken
    return request
  }
}

/// Request after request, each held against the shape, and joined before where several streams hold
/// other layers of the same ones.
private struct RequestStream {
  /// Holds requests against the shape.
  var fit: RequestValidator
  /// What the requests come from; of several, each request takes the next of all.
  private var parts: [RawStream]

  /// Requests handed on.
  private var ordinal = 0

  init(parts: [RawStream], fit: RequestValidator) {
    self.parts = parts
    self.fit = fit
  }

  /// Bytes of the sources left behind.
  var bytesRead: Int { parts.reduce(0) { $0 + $1.bytesRead } }

  /// What to call all sources together.
  var name: String {
    let sources = parts.flatMap(\.sources)
    return sources.count == 1 ? sources[0].path : "all \(sources.count) sources"
  }

  /// The next request that has routes.
  mutating func next() throws(ImportError) -> RequestTrace? {
    do throws(ImportError) {
      while let (request, file) = try nextRaw() {
        // One of which nothing was recorded is passed over.
        guard let fitted = try fit.fit(request, file: file, ordinal: ordinal) else { continue }
        ordinal += 1
        return fitted
      }
      return nil
    } catch {
      for index in parts.indices { parts[index].end() }
      throw error.inRequest(ordinal)
    }
  }

  /// The next request of the one stream, or what all streams together have of it.
  private mutating func nextRaw() throws(ImportError) -> (RawRequest, file: String)? {
    var requests: [RawRequest] = []
    var files: [String] = []
    for index in parts.indices {
      guard let (request, file) = try parts[index].next(within: fit.bounds) else { continue }
      requests.append(request)
      files.append(file)
    }
    guard !requests.isEmpty else { return nil }
    guard requests.count == parts.count else {
      let ended = parts.first { $0.isAtEnd }?.sources.last?.path ?? name
      throw ImportError(
        .mismatch, file: ended,
        problem: "it has \(ordinal) requests, but \(lastComponent(files[0])) has more",
        remedy: "they are not of one run: join files of the same requests, in the same order")
    }
    return (try JoinedRequest(requests, of: files).request, files[0])
  }
}

/// Source after source, request after request, as a format gives them.
private struct RawStream {
  /// Reads the format.
  private var reader: any TraceFormat
  /// What is opened, in order.
  let sources: [TraceSource]
  /// Bytes of the sources left behind.
  private(set) var bytesRead = 0

  /// Sources that were opened.
  private var position = 0
  /// Whether a source is open that may have more.
  private var isOpen = false

  init(reader: any TraceFormat, sources: [TraceSource]) {
    self.reader = reader
    self.sources = sources
  }

  /// Whether there is no further request.
  var isAtEnd: Bool { position == sources.count }

  /// Leaves all sources that are left.
  mutating func end() { position = sources.count }

  /// The next request of the open source, or of the first behind it that has one.
  mutating func next(within bounds: EventBounds) throws(ImportError) -> (RawRequest, file: String)?
  {
    while position < sources.count {
      let source = sources[position]
      if !isOpen { try reader.open(source) }
      isOpen = true
      if let request = try reader.next(within: bounds) { return (request, source.path) }
      isOpen = false
      bytesRead += source.size
      position += 1
    }
    return nil
  }
}
