import CSimdJSON
import RoutingTrace

/// Reads answers of serving engines that are saved as JSON: a file holds one, a list of them, or
/// several behind one another.
struct AnswerReader {
  private let json: JSONReader
  private let options: ImportOptions
  private var documents: JSONDocuments
  /// Requests of the latest text, the next one last.
  private var waiting: [RawRequest] = []

  init(options: ImportOptions) throws(ImportError) {
    json = try JSONReader()
    self.options = options
    documents = JSONDocuments(options: options)
  }

  /// Goes on to `source`, leaving the last one.
  mutating func open(_ source: TraceSource) throws(ImportError) { try documents.open(source) }

  /// The next answer's routing; nil where the source has no more.
  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    while waiting.isEmpty, let (document, source) = try documents.next() {
      waiting = try requests(in: document, of: source, within: bounds).reversed()
    }
    return waiting.popLast()
  }

  /// The requests of the answers in a text.
  private func requests(
    in document: JSONDocuments.Document, of source: TraceSource, within bounds: EventBounds
  ) throws(ImportError) -> [RawRequest] {
    var requests: [RawRequest] = []
    let answers = try json.answers(
      in: document.text, offset: document.offset, file: source.path, bounds: bounds)
    for answer in answers {
      var request = try RoutedAnswer(answer, options: options, bounds: bounds).request(
        file: source.path, byte: document.offset + answer.byte)
      if request.name.isEmpty { request.name = source.stem }
      requests.append(request)
    }
    if !requests.isEmpty { requests[0].remarks += json.remarks }
    return requests
  }
}
