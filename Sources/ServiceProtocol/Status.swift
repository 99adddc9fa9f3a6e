/// How a request went: below 64 the numbers of the C library's `moecast_status`, from there on those
/// that only a service has.
public enum Status: UInt16, CaseIterable, Sendable {
  /// All went well.
  case ok = 0
  /// A value is out of its range, or the message is malformed.
  case badArgument = 1
  /// The request is not under way: never begun, ended, or forgotten.
  case unknownRequest = 2
  /// The layer, or the call, is out of order.
  case outOfOrder = 3
  /// The ids are no choice of this router.
  case badChoice = 4
  /// A file cannot be opened, read or written.
  case file = 5
  /// A file is damaged, or not what it should be.
  case badFile = 6
  /// Model and trace, or model and call, do not fit each other.
  case mismatch = 7
  /// There is no room: memory, or a limit of what may be under way.
  case noRoom = 8
  /// Something else went wrong here; the text says what.
  case failed = 9
  /// More waits to be learnt than is taken; nothing was noted, so the same call may come again.
  case busy = 64
  /// The first message was no greeting, or it lacks the token that is needed.
  case notGreeted = 65
  /// The greeting is of a version that is not spoken here.
  case otherVersion = 66
}
