import FoundationEssentials

/// The requests of an array that holds several, as the JSON file beside it tells them:
/// `{"requests": [{"request_id": "7", "task": "math", "rows": 127, "input_token_count": 32}]}`, row
/// after row.
struct ArrayRequests {
  /// One request's rows.
  private struct Rows: Decodable {
    var name: String?
    var task: String?
    var rows: Int
    var prefill: Int

    enum CodingKeys: String, CodingKey {
      case name = "request_id"
      case task
      case rows
      case prefill = "input_token_count"
    }
  }

  private struct Content: Decodable { var requests: [Rows] }

  private let all: [Rows]
  private var array: RawRequest
  /// What is to be said of the array, once.
  private var remarks: [Remark]
  /// Requests that were taken.
  private var taken = 0
  /// Tokens of those.
  private var tokens = 0

  /// Whether a sidecar tells of requests.
  static func areTold(in json: UnsafeRawBufferPointer) -> Bool {
    struct Key: Decodable { var requests: [Anything]? }
    struct Anything: Decodable { init(from decoder: any Decoder) {} }
    return (try? JSONDecoder().decode(Key.self, from: Data(json)))?.requests != nil
  }

  /// - Parameters:
  ///   - json: the sidecar.
  ///   - file: its name, for messages.
  ///   - array: the whole array.
  /// - Throws: ``ImportError`` where the requests' rows are not the array's.
  init(
    json: UnsafeRawBufferPointer, file: String, of array: RawRequest
  ) throws(ImportError) {
    let content: Content
    do { content = try JSONDecoder().decode(Content.self, from: Data(json)) } catch {
      throw ImportError(
        .malformed, file: file,
        problem: "its requests do not each have rows and input_token_count",
        remedy: "mend this sidecar, or move it away and give --prefill N")
    }
    var rest = array.tokens
    for request in content.requests {
      guard request.rows >= 0, request.rows <= rest, (0...request.rows).contains(request.prefill)
      else {
        throw Self.mismatch(file, array)
      }
      rest -= request.rows
    }
    guard rest == 0 else { throw Self.mismatch(file, array) }
    all = content.requests
    self.array = array
    remarks = array.remarks
    self.array.remarks = []
  }

  private static func mismatch(_ file: String, _ array: RawRequest) -> ImportError {
    ImportError(
      .mismatch, file: file,
      problem: "the rows of its requests are not the \(array.tokens) of the array",
      remedy: "keep the two files of one export together, or move this one away and give "
        + "--prefill N")
  }

  /// The next request, by its own name or none; nil behind the last.
  mutating func next() -> RawRequest? {
    guard taken < all.count else { return nil }
    let own = all[taken]
    let width = array.layers.count * array.topK
    var request = array
    request.name = own.name ?? ""
    request.task = own.task ?? ""
    request.tokens = own.rows
    request.prefill = own.prefill
    request.ids = Array(array.ids[tokens * width..<(tokens + own.rows) * width])
    swap(&request.remarks, &remarks)
    taken += 1
    tokens += own.rows
    return request
  }
}
