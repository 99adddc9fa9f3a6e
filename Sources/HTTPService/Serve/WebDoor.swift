import Foundation
import Hummingbird
import Moecast
import NIOCore
import Service
import ServiceProtocol

/// What is where over HTTP.
struct WebDoor {
  private let service: ForecastService
  private let history: ServiceHistory
  private let client: WebClient
  private let gate: WebGate

  init(_ service: ForecastService, history: ServiceHistory, token: String, isLoopback: Bool) {
    self.service = service
    self.history = history
    client = WebClient(service)
    gate = WebGate(service, token: token, isLoopback: isLoopback)
  }

  /// The routes.
  func router() -> Router<BasicRequestContext> {
    let router = Router()
    router.middlewares.add(gate)
    router.get("/") { _, _ -> Response in .page(PackageResources.status_html) }
    router.get("/healthz") { _, _ -> Response in .text("alive\n") }
    router.get("/readyz") { [service] _, _ -> Response in
      guard let complaint = service.complaint else { return .text("ready\n") }
      return .text("\(complaint)\n", status: .serviceUnavailable)
    }
    router.get("/metrics") { [service] _, _ -> Response in
      .text(
        ServiceStatus(of: service).prometheus, type: "text/plain; version=0.0.4; charset=utf-8")
    }
    router.get("/v1/model") { [service] _, _ -> Response in try .json(ModelFigures(service)) }
    router.get("/v1/history") { [history] _, _ -> Response in
      try .json(history.samples.map(HistoryFigures.init))
    }
    router.post("/v1/observe") { request, _ -> Response in
      let body = try await self.body(of: request)
      return .json(text: try self.client.answer(body) { $0.observe })
    }
    router.post("/v1/forecast") { request, _ -> Response in
      let body = try await self.body(of: request)
      return .json(text: try self.client.answer(body) { $0.forecast })
    }
    router.post("/v1/traces") { [service] request, _ -> Response in
      let isJSON = request.headers[.contentType]?.hasPrefix("application/json") == true
      let body = try await self.body(of: request)
      let summary = try await aside {
        try TraceUpload(service).observe(body, as: isJSON ? .engine : .trace)
      }
      return .json(
        text: "{\"requests\": \(summary.requests), \"tokens\": \(summary.tokens)}\n")
    }
    router.post("/v1/save") { [service] _, _ -> Response in
      .json(text: "{\"tokens\": \(try await aside { try service.save() })}\n")
    }
    router.put("/v1/model") { [service] request, _ -> Response in
      // A model may be larger than any message.
      let body = try await self.body(of: request, upTo: 1 << 30, within: 60)
      try await aside { try service.replace(byBody: body) }
      return try .json(ModelFigures(service))
    }
    return router
  }

  /// The whole of a body, which is not waited for without end.
  private func body(
    of request: Hummingbird.Request, upTo limit: Int? = nil, within seconds: Double? = nil
  ) async throws -> [UInt8] {
    let limit = limit ?? service.limits.bodyBytes
    let seconds = seconds ?? service.limits.stallSeconds
    let body = request.body
    return try await withThrowingTaskGroup(of: [UInt8].self) { group in
      group.addTask {
        do {
          return Array(try await body.collect(upTo: limit).readableBytesView)
        } catch is NIOTooManyBytesError {
          throw WebRefusal(
            .contentTooLarge, "noRoom", "the body has more than \(limit) bytes; send less at once")
        }
      }
      group.addTask {
        try await Task.sleep(for: .seconds(seconds))
        throw WebRefusal(
          .requestTimeout, "noRoom", "the body was not there within \(seconds) seconds")
      }
      defer { group.cancelAll() }
      return try await group.next() ?? []
    }
  }
}

/// Runs what takes long, or waits for the disk, on a thread that no connection needs.
private func aside<Result: Sendable>(
  _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
  try await withCheckedThrowingContinuation { continuation in
    DispatchQueue.global().async { continuation.resume(with: Swift.Result(catching: body)) }
  }
}
