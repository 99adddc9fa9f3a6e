import Foundation
import Live
import ModelFile
import Prequential
import RoutingTrace
import Service
import ServiceProtocol
import TestSupport

/// A small model, a service of it, and what the tests ask.
struct ServiceSample {
  let folder: TemporaryFolder
  let service: ForecastService

  var model: String { folder.file("model.h5") }
  var socket: String { folder.file("moecast.sock") }

  static let topK = 2

  static func learner(name: String = "small", experts: Int = 16) throws -> Learner {
    try Learner(
      shape: TraceShape(model: name, modelLayers: [1, 2, 5], experts: experts, topK: topK),
      predictors: ["mixture-fast", "layer-markov"])
  }

  init(_ change: (inout ForecastService.Options) -> Void = { _ in }) throws {
    folder = try TemporaryFolder()
    var options = ForecastService.Options()
    change(&options)
    try Checkpoint.write(Self.learner(), to: folder.file("model.h5"))
    service = try ForecastService(model: folder.file("model.h5"), options: options)
  }

  /// Asks one thing of `client` about requests 1 to `count`, which have tokens open.
  static func token(_ client: (Request) throws -> Reply, of requests: [UInt64] = [1]) throws
    -> [Reply]
  {
    var replies = [
      try client(.open(.init(requests: requests, stages: requests.map { _ in 1 })))
    ]
    for layer in 0..<UInt32(3) {
      let ids = requests.flatMap { [UInt16(layer), UInt16(($0 + 3) % 16)] }
      replies.append(
        try client(
          .step(
            .init(layer: layer, requests: requests, ids: ids),
            .init(top: 4, layer: layer, requests: requests))))
    }
    return replies
  }
}

extension Reply {
  /// The kind and words of a refusal; nil where nothing was refused.
  var refusal: (status: Status, text: String)? {
    guard case .refused(let status, let text) = self else { return nil }
    return (status, text)
  }
}

/// A client of the socket, as simple as one can be.
final class SocketClient {
  private let descriptor: Int32
  private var messages = MessageBuffer(maximumBody: 1 << 24)
  private var tag: UInt64 = 0

  struct Gone: Error {}

  init(_ path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else { throw Gone() }
    var time = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  /// Sends these bytes as they are.
  func send(_ bytes: [UInt8]) {
    _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  /// The next message that comes; nil where the service has closed.
  func receive() throws -> Message? {
    var room = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      if let message = try messages.next() { return message }
      let count = recv(descriptor, &room, room.count, 0)
      guard count >= 0 else { throw Gone() }
      if count == 0 { return nil }
      messages.append(room[..<count])
    }
  }

  /// Asks, and waits for the answer.
  func ask(_ request: Request) throws -> Reply {
    tag += 1
    send(request.message(tag: tag).bytes)
    guard let message = try receive(), message.tag == tag else { throw Gone() }
    return try Reply(message)
  }

  /// A client that has said hello.
  static func greeted(_ path: String) throws -> SocketClient {
    let client = try SocketClient(path)
    guard case .hello = try client.ask(.hello(.init())) else { throw Gone() }
    return client
  }
}
