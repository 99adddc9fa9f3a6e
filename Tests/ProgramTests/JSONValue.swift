import Foundation
import Testing

/// A JSON document, looked into by key and place.
enum JSONValue: Sendable {
  case object([String: JSONValue])
  case array([JSONValue])
  case number(Double)
  case text(String)
  case flag(Bool)
  case null

  init(parsing text: String) throws {
    self = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
  }

  /// The value under a key; null where there is none.
  subscript(key: String) -> JSONValue {
    if case .object(let members) = self { members[key] ?? .null } else { .null }
  }

  /// The value at a place; null where there is none.
  subscript(place: Int) -> JSONValue {
    if case .array(let elements) = self, elements.indices.contains(place) {
      elements[place]
    } else {
      .null
    }
  }

  var array: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
  var keys: Set<String> { if case .object(let members) = self { Set(members.keys) } else { [] } }
  /// Not a number where it is something else, so that no comparison holds.
  var number: Double { if case .number(let value) = self { value } else { .nan } }
  var text: String? { if case .text(let value) = self { value } else { nil } }
  var isNull: Bool { if case .null = self { true } else { false } }
}

extension JSONValue: Decodable {
  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let flag = try? value.decode(Bool.self) {
      self = .flag(flag)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let text = try? value.decode(String.self) {
      self = .text(text)
    } else if let elements = try? value.decode([JSONValue].self) {
      self = .array(elements)
    } else {
      self = .object(try value.decode([String: JSONValue].self))
    }
  }
}

/// Holds everything that a reference says against the same place of what the program printed.
///
/// - Parameter relative: the difference allowed, as a share of the reference's value or of 1.
/// - Returns: how many numbers and texts were compared.
@discardableResult
func expectAll(
  of reference: JSONValue, in printed: JSONValue, within relative: Double = 1e-9,
  at place: String = "", sourceLocation: SourceLocation = #_sourceLocation
) -> Int {
  switch (reference, printed) {
  case (.object(let members), _):
    return members.reduce(0) { count, member in
      count
        + expectAll(
          of: member.value, in: printed[member.key], within: relative,
          at: "\(place)/\(member.key)", sourceLocation: sourceLocation)
    }
  case (.array(let wanted), .array(let elements)):
    #expect(wanted.count == elements.count, "\(place)", sourceLocation: sourceLocation)
    return zip(wanted, elements).enumerated().reduce(0) { count, pair in
      count
        + expectAll(
          of: pair.element.0, in: pair.element.1, within: relative, at: "\(place)/\(pair.offset)",
          sourceLocation: sourceLocation)
    }
  case (.number(let wanted), .number(let value)):
    #expect(
      abs(wanted - value) <= relative * max(abs(wanted), 1),
      "\(place): \(value), the reference says \(wanted)", sourceLocation: sourceLocation)
    return 1
  case (.text(let wanted), .text(let value)):
    #expect(wanted == value, "\(place)", sourceLocation: sourceLocation)
    return 1
  case (.flag(let wanted), .flag(let value)):
    #expect(wanted == value, "\(place)", sourceLocation: sourceLocation)
    return 1
  case (.null, .null): return 0
  default:
    Issue.record(
      "\(place): \(printed), the reference says \(reference)", sourceLocation: sourceLocation)
    return 0
  }
}
