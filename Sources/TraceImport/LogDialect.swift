import CSimdJSON
import Glibc

/// How one kind of routing log, JSON lines of a record an event, calls what it tells, and what its
/// records mean.
struct LogDialect {
  /// Keys and values of the records.
  var keys = csj_record_keys()
  /// What the phases of tokens are called that are read; empty where records have none.
  var phases: [(name: StaticString, phase: Phase)] = []
  /// Where a step of the engine ends.
  var steps = LoggedRequest.StepEnd.placeAndLayer
  /// Whether some writers count the model's layers from 1.
  var mayCountLayersFromOne = false
  /// Whether files of a folder that hold other layers of one model are read together.
  var joinsLayers = false

  /// What a record's phase says of its token.
  enum Phase {
    case prompt, decoded
    /// It does not tell the prompt from what follows.
    case either
  }

  /// The phase of this name, which is none where it is not read.
  func phase(_ name: UnsafeRawBufferPointer) -> Phase? {
    guard !phases.isEmpty, !name.isEmpty || tellsPrompt else { return .either }
    return phases.first { $0.name.isSame(as: name) }?.phase
  }

  /// Whether records tell the prompt from what is decoded.
  var tellsPrompt: Bool { phases.contains { $0.phase != .either } }
}

extension csj_name {
  /// The name `text`, which lives as long as the program.
  init(_ text: StaticString) {
    self.init()
    self.text = UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
    length = text.utf8CodeUnitCount
  }

  /// The name, for messages.
  var string: String { JSONReader.text(text, length) }
}

extension StaticString {
  /// Whether `text` is the same.
  fileprivate func isSame(as text: UnsafeRawBufferPointer) -> Bool {
    TraceImport.isSame(text, UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount))
  }
}

/// Whether two stretches of memory hold the same bytes: asked once a record, so all at a time.
func isSame(_ a: UnsafeRawBufferPointer, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
  guard a.count == b.count else { return false }
  guard let a = a.baseAddress, let other = b.baseAddress else { return true }
  return memcmp(a, other, b.count) == 0
}
