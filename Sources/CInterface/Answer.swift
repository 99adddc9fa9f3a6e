import CLibrary
import CVectorShims
import DurableFile
import Forecast
import Live
import MemoryBudget
import ModelFile
import PathText
import Prequential
import RoutingTrace

/// A failure that the C functions find themselves: an argument that cannot be.
struct ArgumentError: Error, CustomStringConvertible {
  var status: moecast_status
  var description: String

  init(_ description: String, _ status: moecast_status = MOECAST_BAD_ARGUMENT) {
    self.status = status
    self.description = description
  }
}

/// Runs the work of a call that makes a handle, or does without one, where this processor can: code
/// that was built for another would stop the caller's process.
func answerFirst(
  _ error: UnsafeMutablePointer<moecast_error>?, _ work: () throws -> Void
) -> moecast_status {
  answer(error) {
    guard processor_suffices() != 0 else {
      throw ArgumentError(
        "this library was built for processors with AVX2, BMI2 and FMA (x86-64-v3), which this one "
          + "lacks; build one for all with `make library MARCH=`", MOECAST_FAILED)
    }
    try work()
  }
}

/// Runs a call's work; tells the caller how it went.
func answer(
  _ error: UnsafeMutablePointer<moecast_error>?, _ work: () throws -> Void
) -> moecast_status {
  do {
    try work()
    return MOECAST_OK
  } catch let problem {
    let status = status(of: problem)
    error?.tell(status, "\(problem)")
    return status
  }
}

extension UnsafeMutablePointer<moecast_error> {
  /// Writes a failure, its text cut at a whole character where it is too long.
  fileprivate func tell(_ status: moecast_status, _ text: String) {
    pointee.status = status
    withUnsafeMutableBytes(of: &pointee.text) { room in
      var bytes = Array(text.utf8.prefix(room.count - 1))
      while String(validating: bytes, as: UTF8.self) == nil, !bytes.isEmpty { bytes.removeLast() }
      room.copyBytes(from: bytes)
      room[bytes.count] = 0
    }
  }
}

/// The kind of a failure.
private func status(of error: any Error) -> moecast_status {
  switch error {
  case let error as ArgumentError: error.status
  case let error as LiveError: status(of: error)
  case let error as TraceError:
    switch error.kind {
    case .access: MOECAST_FILE
    case .shapeMismatch: MOECAST_MISMATCH
    default: MOECAST_DATA
    }
  case let error as ModelError:
    switch error.kind {
    case .access: MOECAST_FILE
    case .mismatch: MOECAST_MISMATCH
    case .tooLarge: MOECAST_NO_ROOM
    case .notAModel, .damaged, .unsupported: MOECAST_DATA
    }
  case is FileError: MOECAST_FILE
  case is BlockError: MOECAST_BAD_CHOICE
  case is ShapeError, is PredictorNameError: MOECAST_BAD_ARGUMENT
  case is MemoryShortage: MOECAST_NO_ROOM
  case let error as LearnerError:
    switch error {
    case .shape: MOECAST_MISMATCH
    case .full: MOECAST_NO_ROOM
    }
  default: MOECAST_FAILED
  }
}

private func status(of error: LiveError) -> moecast_status {
  switch error {
  case .unknownRequest: MOECAST_UNKNOWN_REQUEST
  case .underWay, .twice, .prefillAfterDecode: MOECAST_OUT_OF_ORDER
  case .gap: MOECAST_BAD_CHOICE
  case .position, .predictor, .top: MOECAST_BAD_ARGUMENT
  case .session(let error, _):
    switch error {
    case .notOpen, .notClosed, .layer: MOECAST_OUT_OF_ORDER
    case .expert, .repeated, .tooMany: MOECAST_BAD_CHOICE
    }
  }
}
