import RoutingTrace
import TraceImport

/// What an import came to; the keys of `--json`.
struct ImportSummary: Encodable, CustomStringConvertible {
  var format: String
  var guessed: Bool
  var files: Int
  var filesPassedOver: Int
  var requests: Int
  var tokens: Int
  var events: Int
  var weights: Bool
  var chunks: Int
  var bytesIn: Int
  var bytesOut: Int
  var seconds = 0.0
  var megabytesPerSecond = 0.0
  /// What is in the trace without an expert.
  var absent: AbsenceFacts
  /// Tokens at the ends of requests that had no route, and requests that had none; left out.
  var trailingTokens: Int
  var emptyRequests: Int
  /// Identical tokens at the beginning, and whether they are left out.
  var warmUpTokens: Int
  var warmUpDropped: Bool
  /// What else is to be said of the sources.
  var remarks: [String]

  /// A summary; times are added at the end.
  init(
    format: String, guessed: Bool, files: Int, filesPassedOver: Int, requests: Int, tokens: Int,
    events: Int, weights: Bool, chunks: Int, bytesIn: Int, bytesOut: Int,
    omissions: ImportOmissions, warmUpDropped: Bool, remarks: [ImportRemark]
  ) {
    self.format = format
    self.guessed = guessed
    self.files = files
    self.filesPassedOver = filesPassedOver
    self.requests = requests
    self.tokens = tokens
    self.events = events
    self.weights = weights
    self.chunks = chunks
    self.bytesIn = bytesIn
    self.bytesOut = bytesOut
    absent = AbsenceFacts(omissions.absent)
    trailingTokens = omissions.trailingTokens
    emptyRequests = omissions.emptyRequests
    warmUpTokens = omissions.warmUpTokens
    self.warmUpDropped = warmUpDropped && omissions.warmUpTokens > 0
    self.remarks = remarks.map(\.description)
  }

  enum CodingKeys: String, CodingKey {
    case format, guessed, files, requests, tokens, events, weights, chunks, seconds, absent, remarks
    case filesPassedOver = "files_passed_over"
    case bytesIn = "bytes_in"
    case bytesOut = "bytes_out"
    case megabytesPerSecond = "megabytes_per_second"
    case trailingTokens = "trailing_tokens"
    case emptyRequests = "empty_requests"
    case warmUpTokens = "warm_up_tokens"
    case warmUpDropped = "warm_up_dropped"
  }

  /// One line for people.
  var description: String {
    var text = "\(format)\(guessed ? " (guessed)" : ""): \(counted(requests, "request")), "
    text += "\(counted(tokens, "token")), \(counted(events, "event")) in "
    text += "\(counted(chunks, "chunk")); \(moecast.bytes(bytesIn)) in, "
    text += "\(moecast.bytes(bytesOut)) out, \(moecast.bytes(Int(megabytesPerSecond * 1e6)))/s"
    if filesPassedOver > 0 { text += "; \(counted(filesPassedOver, "other file")) passed over" }
    return text
  }

  /// What people should know beside it, a line each.
  var notes: [String] {
    var notes: [String] = []
    if let absence = absent.text {
      notes.append("not recorded: \(absence); these stay empty and are passed over")
    }
    if trailingTokens > 0 {
      notes.append(
        "\(counted(trailingTokens, "token")) without a route at the end of requests, left out")
    }
    if emptyRequests > 0 {
      notes.append("\(counted(emptyRequests, "request")) without any route, left out")
    }
    if warmUpTokens > 0 {
      notes.append(
        "the first \(counted(warmUpTokens, "token")) are identical, as an engine's warm-up writes them; "
          + (warmUpDropped ? "they are left out" : "leave them out with --drop-warm-up"))
    }
    return notes + remarks
  }
}
