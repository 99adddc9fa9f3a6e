/// Something to know of sources that were read all the same: said once, however many they are.
public struct ImportRemark: Hashable, Sendable, CustomStringConvertible {
  /// What it is, and what can be done about it.
  public let text: String
  /// The first source of which it is true.
  public let file: String
  /// Requests of which it is true.
  public internal(set) var requests = 1

  /// One line for people.
  public var description: String {
    "\(file)\(requests > 1 ? " and \(requests - 1) requests more" : ""): \(text)"
  }
}

/// What a format or the check behind it may have to say of a request.
enum Remark: Hashable {
  /// Arrays or keys that hold routing and are not used.
  case unread(String)
  /// Labels that are neither text nor a number.
  case label(String)
  /// An array whose second axis is longer than layers go, as one of `[layers, tokens, k]` has it.
  case axes([Int])
  /// Decoded rows of a batch that could be of several requests.
  case cut(Int)
  /// Slots whose physical expert is another copy of one that the event has already.
  case twice(Int)
  /// Fewer events than not have as many experts as the widest.
  case fewFull(topK: Int, full: Int, events: Int)

  /// The remark in words.
  var text: String {
    switch self {
    case .unread(let names):
      "\(names): it looks like routing and is not used; check that nothing is missing"
    case .label(let names):
      "\(names): it is neither text nor a number, so it is left out; the routing is whole"
    case .axes(let shape):
      "its shape \(shape) is read as [tokens, layers, k]; if \(shape[1]) is the number of tokens, "
        + "save array.transpose(1, 0, 2)"
    case .cut(let rows):
      "\(rows) decoded rows could be of several requests at the same position; each begins a "
        + "request of its own"
    case .twice(let slots):
      "\(slots) choices are of an expert that their token has already, by the map of physical "
        + "experts, which is that of the recording's end; they stay empty"
    case .fewFull(let topK, let full, let events):
      "only \(full) of \(events) events have \(topK) experts; if the model's top-k is smaller, "
        + "give --shape or --top-k"
    }
  }
}

/// Remarks gathered along a stream, in the order in which they first came up.
struct ImportRemarks {
  /// All remarks, no text twice.
  private(set) var all: [ImportRemark] = []
  /// The place of each remark in ``all``.
  private var places: [Remark: Int] = [:]

  /// Different remarks that are told; what a hostile stream has beyond them is passed over.
  private static let most = 64

  /// Adds those of one request.
  mutating func add(_ remarks: [Remark], of file: String) {
    for remark in remarks {
      if let place = places[remark] {
        all[place].requests += 1
      } else if all.count < Self.most {
        places[remark] = all.count
        all.append(ImportRemark(text: remark.text, file: file))
      }
    }
  }
}
