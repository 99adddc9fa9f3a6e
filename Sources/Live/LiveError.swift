import Forecast

/// Why a ``LiveForecaster`` refuses a call. Whatever the reason, the call has changed nothing.
public enum LiveError: Error, Hashable, CustomStringConvertible {
  /// The request was never begun, has ended, or was forgotten for others.
  case unknownRequest(UInt64)
  /// The request is under way already.
  case underWay(UInt64)
  /// One call names the request twice.
  case twice(UInt64)
  /// A prompt's token behind a decoded one.
  case prefillAfterDecode(UInt64)
  /// An expert stands behind an empty slot; empty slots are the last of an event.
  case gap(UInt64)
  /// A position that 32 bits do not hold.
  case position(UInt64)
  /// There is no such predictor; `known` are their names.
  case predictor(Int, known: [String])
  /// So many experts cannot be told of `experts`.
  case top(Int, experts: Int)
  /// The request's session refuses: layers out of order, or no choice of this router.
  case session(SessionError, request: UInt64)

  /// One sentence that says what was refused, and what would be taken.
  public var description: String {
    switch self {
    case .unknownRequest(let request):
      "request \(request) is not under way; begin it first (it may have ended, or been forgotten "
        + "for others)"
    case .underWay(let request): "request \(request) is under way; end it before it begins anew"
    case .twice(let request): "request \(request) is named twice in one call; name it once"
    case .prefillAfterDecode(let request):
      "request \(request) has decoded; a token of its prompt cannot follow"
    case .gap(let request):
      "an expert of request \(request) stands behind an empty slot; fill the first slots"
    case .position(let position): "position \(position) does not fit 32 bits"
    case .predictor(let index, let known):
      "there is no predictor \(index); 0 to \(known.count - 1) are "
        + known.joined(separator: ", ")
    case .top(let top, let experts): "\(top) experts cannot be told; 1 to \(experts) can"
    case .session(let error, let request): "request \(request): \(error)"
    }
  }
}
