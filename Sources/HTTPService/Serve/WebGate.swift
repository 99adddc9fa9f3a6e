import Hummingbird
import Moecast
import Service
import ServiceProtocol
import Synchronization

/// Who is let in over HTTP, how many at once, and what refusals look like.
final class WebGate: RouterMiddleware {
  private let service: ForecastService
  private let token: String
  private let isLoopback: Bool
  private let inside = Atomic(0)

  init(_ service: ForecastService, token: String, isLoopback: Bool) {
    self.service = service
    self.token = token
    self.isLoopback = isLoopback
  }

  func handle(
    _ request: Hummingbird.Request, context: BasicRequestContext,
    next: (Hummingbird.Request, BasicRequestContext) async throws -> Response
  ) async throws -> Response {
    let count = inside.wrappingAdd(1, ordering: .relaxed).newValue
    defer { inside.wrappingSubtract(1, ordering: .relaxed) }
    do {
      guard count <= service.limits.connections else {
        service.metrics.countShed()
        throw WebRefusal(
          .serviceUnavailable, "noRoom",
          "\(service.limits.connections) requests are being answered, and no more are taken")
      }
      try admit(request)
      return try await next(request, context)
    } catch let error as WebRefusal {
      return .refusal(error)
    } catch let error as HTTPError {
      throw error
    } catch {
      return .refusal(WebRefusal(error))
    }
  }

  /// Throws where a request is not to be answered: a page of somebody else's that a browser on this
  /// machine was led to, or a client without the token.
  private func admit(_ request: Hummingbird.Request) throws {
    let host = Self.name(ofHost: request.head.authority ?? "")
    if isLoopback {
      guard ["127.0.0.1", "[::1]", "localhost"].contains(host) else {
        throw WebRefusal(
          .forbidden, "notGreeted", "only this machine is served, and '\(host)' is not its name")
      }
    }
    if let origin = request.headers[.origin], Self.name(ofOrigin: origin) != request.head.authority
    {
      throw WebRefusal(.forbidden, "notGreeted", "pages of \(origin) are not served")
    }
    guard !token.isEmpty, !["/", "/healthz", "/readyz"].contains(request.uri.path) else { return }
    let given = request.headers[.authorization] ?? ""
    guard isSame(given, "Bearer \(token)") else {
      throw WebRefusal(
        .unauthorized, "notGreeted", "this service wants its token: Authorization: Bearer TOKEN")
    }
  }

  /// A host without its port.
  private static func name(ofHost host: String) -> String {
    guard let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") else { return host }
    return String(host[..<colon])
  }

  /// An origin without its scheme.
  private static func name(ofOrigin origin: String) -> String {
    origin.hasPrefix("http://") ? String(origin.dropFirst(7)) : origin
  }
}

/// What is refused over HTTP.
struct WebRefusal: Error {
  /// HTTP's word for it.
  var status: HTTPResponse.Status
  /// The protocol's.
  var kind: String
  /// What was refused, and what would be taken.
  var text: String

  init(_ status: HTTPResponse.Status, _ kind: String, _ text: String) {
    self.status = status
    self.kind = kind
    self.text = text
  }

  /// Any error, as its kind has it.
  init(_ error: any Error) {
    let refusal = Refusal(error)
    let status: HTTPResponse.Status =
      switch refusal.status {
      case .unknownRequest: .notFound
      case .outOfOrder: .conflict
      case .badChoice, .badFile, .mismatch: .unprocessableContent
      case .noRoom: .serviceUnavailable
      case .busy: .tooManyRequests
      case .notGreeted, .otherVersion: .forbidden
      case .file, .failed: .internalServerError
      case .ok, .badArgument: .badRequest
      }
    self.init(status, "\(refusal.status)", refusal.description)
  }
}
