import Forecast
import Live
import ModelFile
import Prequential
import RoutingTrace
import ServiceProtocol

/// Why a service did not do what it was asked: by its kind, and in words that say what to do.
/// Nothing has changed then.
public struct Refusal: Error, Hashable, CustomStringConvertible {
  /// Its kind.
  public var status: Status
  /// What was refused and what would be taken.
  public var description: String

  /// A refusal of this kind.
  public init(_ status: Status, _ description: String) {
    self.status = status
    self.description = description
  }

  /// What a forecaster refuses, in the numbers of the client.
  ///
  /// - Parameter name: the client's number of a request.
  init(_ error: LiveError, name: (UInt64) -> UInt64) {
    switch error {
    case .unknownRequest(let request):
      self.init(.unknownRequest, "\(LiveError.unknownRequest(name(request)))")
    case .underWay(let request): self.init(.outOfOrder, "\(LiveError.underWay(name(request)))")
    case .twice(let request): self.init(.outOfOrder, "\(LiveError.twice(name(request)))")
    case .prefillAfterDecode(let request):
      self.init(.outOfOrder, "\(LiveError.prefillAfterDecode(name(request)))")
    case .gap(let request): self.init(.badChoice, "\(LiveError.gap(name(request)))")
    case .position, .predictor, .top: self.init(.badArgument, "\(error)")
    case .session(let problem, let request):
      let status: Status =
        switch problem {
        case .notOpen, .notClosed, .layer: .outOfOrder
        case .expert, .repeated, .tooMany: .badChoice
        }
      self.init(status, "\(LiveError.session(problem, request: name(request)))")
    }
  }
  /// Any error, by its kind.
  public init(_ error: any Error) {
    let status: Status =
      switch error {
      case let error as Refusal: error.status
      case let error as ModelError:
        switch error.kind {
        case .access: .file
        case .mismatch: .mismatch
        case .tooLarge: .noRoom
        case .notAModel, .damaged, .unsupported: .badFile
        }
      case let error as TraceError:
        switch error.kind {
        case .access: .file
        case .shapeMismatch: .mismatch
        default: .badFile
        }
      case LearnerError.full: .noRoom
      default: .failed
      }
    self.init(status, "\(error)")
  }
}
