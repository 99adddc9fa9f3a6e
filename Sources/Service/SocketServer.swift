import Locking
import ServiceProtocol
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The door of a service for programs beside it: a Unix socket, a thread a client.
///
/// ```swift
/// let server = try SocketServer(service, at: "moecast.sock")
/// server.start()
/// ...
/// server.stop()
/// ```
public final class SocketServer: Sendable {
  private let service: ForecastService
  private let token: String
  /// The listening socket; nil when it has stopped.
  private let listener: Mutex<UnixSocket?>
  /// The sockets of the clients that are connected.
  private let clients = Guarded<Set<Int32>>([])
  private let isStopping = Atomic(false)

  /// Listens, but takes no client yet.
  ///
  /// - Parameters:
  ///   - path: the socket's file, which only this user may open.
  ///   - token: what a greeting has to bring; empty for nothing.
  /// - Throws: ``SocketError``.
  public init(_ service: ForecastService, at path: String, token: String = "") throws(SocketError) {
    self.service = service
    self.token = token
    listener = Mutex(try UnixSocket(listeningAt: path))
  }

  /// Takes clients from now on.
  public func start() {
    let descriptor = listener.withLock { $0?.descriptor ?? -1 }
    _ = startThread { [self] in takeClients(descriptor) }
  }

  /// Takes no more clients, answers what has been asked, and lets all go.
  ///
  /// - Parameter seconds: for which it waits for them.
  public func stop(within seconds: Double = 5) {
    isStopping.store(true, ordering: .sequentiallyConsistent)
    let descriptor = listener.withLock { $0?.descriptor ?? -1 }
    shutdown(descriptor, Int32(SHUT_RDWR))
    clients.withLock { for client in $0 { shutdown(client, Int32(SHUT_RD)) } }
    let end = service.clock() + UInt64(seconds * 1e9)
    while !clients.withLock({ $0.isEmpty }), service.clock() < end { usleep(2000) }
    clients.withLock { for client in $0 { shutdown(client, Int32(SHUT_RDWR)) } }
    listener.withLock { $0 = nil }
  }

  private func takeClients(_ descriptor: Int32) {
    while !isStopping.load(ordering: .sequentiallyConsistent) {
      let client = accept(descriptor, nil, nil)
      guard client >= 0 else {
        // No descriptors are left, perhaps: clients that go give theirs back.
        if errno != EINTR { usleep(10_000) }
        continue
      }
      _ = fcntl(client, F_SETFD, FD_CLOEXEC)
      take(client)
    }
  }

  private func take(_ client: Int32) {
    let isRoom = clients.withLock { clients in
      guard clients.count < service.limits.connections else { return false }
      clients.insert(client)
      return true
    }
    guard isRoom else {
      turnAway(client)
      return
    }
    service.metrics.update { $0.connections += 1 }
    let isServed = startThread { [self] in
      ClientConnection(client, of: service, token: token).run()
      letGo(client)
    }
    if !isServed { letGo(client) }
  }

  private func letGo(_ client: Int32) {
    clients.withLock { _ = $0.remove(client) }
    close(client)
    service.metrics.update { $0.connections -= 1 }
  }

  private func turnAway(_ client: Int32) {
    service.metrics.update { $0.shed += 1 }
    let refusal = Reply.refused(
      .noRoom, "\(service.limits.connections) clients are connected, and no more are taken")
    let bytes = refusal.message(to: 1, tag: 0).bytes
    _ = send(
      client, bytes, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    close(client)
  }
}
