import Foundation
import Live
import ServiceProtocol
import TestSupport
import Testing

@testable import Service

/// The socket, and clients that do not behave.
@Suite struct SocketServerTests {
  /// Lets `body` talk to a service.
  func serving(
    token: String = "", _ limits: ServiceLimits = ServiceLimits(),
    _ body: (ServiceSample) throws -> Void
  ) throws {
    let sample = try ServiceSample { $0.limits = limits }
    let server = try SocketServer(sample.service, at: sample.socket, token: token)
    server.start()
    defer { server.stop() }
    try body(sample)
  }

  /// Waits for what another thread is about to do.
  func soon(_ condition: () -> Bool) -> Bool {
    for _ in 0..<500 where !condition() { usleep(10_000) }
    return condition()
  }

  @Test func aClientIsIntroducedAndServed() throws {
    try serving { sample in
      let client = try SocketClient(sample.socket)
      guard case .hello(let introduction) = try client.ask(.hello(.init())) else {
        Issue.record("no introduction")
        return
      }
      #expect(introduction.layers == 3 && introduction.experts == 16 && introduction.topK == 2)
      #expect(introduction.modelLayers == [1, 2, 5] && introduction.name == "small")
      #expect(introduction.predictors.map(\.name) == ["mixture-fast", "layer-markov"])
      #expect(try client.ask(.begin(.init(request: 1))) == .done)
      let replies = try ServiceSample.token(client.ask)
      #expect(replies.allSatisfy { $0.refusal == nil })
      #expect(try client.ask(.save) == .saved(tokens: 1))
    }
  }

  @Test func manyMessagesAtOnceAreAnsweredInOrder() throws {
    try serving { sample in
      let client = try SocketClient.greeted(sample.socket)
      client.send((0..<100).flatMap { Request.begin(.init(request: $0)).message(tag: $0).bytes })
      for tag in 0..<UInt64(100) {
        let message = try #require(try client.receive())
        #expect(message.tag == tag && message.status == 0)
      }
    }
  }

  @Test func whoDoesNotGreetIsTurnedAway() throws {
    try serving { sample in
      let silent = try SocketClient(sample.socket)
      #expect(try silent.ask(.counts).refusal?.text == "the first message is no greeting")
      #expect(try silent.receive() == nil)
      let old = try SocketClient(sample.socket)
      let reply = try old.ask(.hello(.init(version: .init(major: 9, minor: 0))))
      #expect(reply.refusal?.status == .otherVersion)
      #expect(try old.receive() == nil)
      let web = try SocketClient(sample.socket)
      web.send(Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
      let answer = try #require(try web.receive())
      #expect(answer.status == Status.badArgument.rawValue)
      #expect(try web.receive() == nil)
    }
  }

  @Test func aTokenIsAskedFor() throws {
    try serving(token: "sesame") { sample in
      for token in ["", "sesam", "sesame ", "Sesame"] {
        let client = try SocketClient(sample.socket)
        #expect(try client.ask(.hello(.init(token: token))).refusal?.status == .notGreeted)
        #expect(try client.receive() == nil)
      }
      let client = try SocketClient(sample.socket)
      #expect(try client.ask(.hello(.init(token: "sesame"))).refusal == nil)
    }
  }

  @Test func malformedMessagesAreRefusedAndTheNextIsAnswered() throws {
    try serving { sample in
      let client = try SocketClient.greeted(sample.socket)
      _ = try client.ask(.begin(.init(request: 1)))
      client.send(Message(kind: 99, tag: 7, body: []).bytes)
      let unknown = try Reply(try #require(try client.receive()))
      #expect(unknown.refusal?.text == "there is no request of kind 99")
      var short = Request.observe(.init(layer: 0, requests: [1], ids: [1, 2])).message(tag: 8)
      short.body = short.body.dropLast()
      client.send(short.bytes)
      #expect(try Reply(try #require(try client.receive())).refusal?.status == .badArgument)
      #expect(try ServiceSample.token(client.ask).allSatisfy { $0.refusal == nil })
    }
  }

  @Test func aMessageThatIsTooLongEndsItsClientAlone() throws {
    try serving(.with { $0.bodyBytes = 100 }) { sample in
      let (one, other) = (
        try SocketClient.greeted(sample.socket), try SocketClient.greeted(sample.socket)
      )
      one.send([101, 0, 0, 0, 1, 0, 0, 0] + [UInt8](repeating: 0, count: 8))
      let reply = try Reply(try #require(try one.receive()))
      #expect(reply.refusal?.text == "a body of 101 bytes is announced; 100 are taken")
      #expect(try one.receive() == nil)
      #expect(try other.ask(.begin(.init(request: 1))) == .done)
    }
  }

  @Test func halfAMessageIsNotWaitedForLong() throws {
    try serving(.with { $0.stallSeconds = 0.2 }) { sample in
      let (slow, quiet) = (
        try SocketClient.greeted(sample.socket), try SocketClient.greeted(sample.socket)
      )
      slow.send(Array(Request.counts.message(tag: 1).bytes.dropLast()))
      #expect(try slow.receive() == nil)
      #expect(sample.service.metrics.now.shed == 1)
      // Who has said all that was begun may be quiet.
      #expect(try quiet.ask(.begin(.init(request: 1))) == .done)
      let mute = try SocketClient(sample.socket)
      #expect(try mute.receive() == nil)
      #expect(soon { sample.service.metrics.now.connections == 1 })
    }
  }

  @Test func whoSaysNothingForLongIsLetGo() throws {
    try serving(.with { ($0.idleSeconds, $0.stallSeconds) = (0.3, 0.1) }) { sample in
      let client = try SocketClient.greeted(sample.socket)
      #expect(try client.receive() == nil)
    }
  }

  @Test func whoTakesNoAnswersIsLetGo() throws {
    try serving(.with { ($0.stallSeconds, $0.bodyBytes) = (0.2, 1 << 22) }) { sample in
      let client = try SocketClient.greeted(sample.socket)
      // Answers that fill the socket: nobody reads them.
      let bytes = Request.hello(.init()).message(tag: 1).bytes
      var many: [UInt8] = []
      for _ in 0..<20_000 { many += bytes }
      client.send(many)
      #expect(soon { sample.service.metrics.now.connections == 0 })
    }
  }

  @Test func aClientThatVanishesLeavesNothing() throws {
    try serving { sample in
      let other = try SocketClient.greeted(sample.socket)
      _ = try other.ask(.begin(.init(request: 1)))
      do {
        let client = try SocketClient.greeted(sample.socket)
        _ = try client.ask(.begin(.init(request: 1)))
        client.send(Array(Request.counts.message(tag: 1).bytes.dropLast(3)))
      }
      #expect(soon { sample.service.model.live.standing.requests == 1 })
      #expect(try ServiceSample.token(other.ask).allSatisfy { $0.refusal == nil })
    }
  }

  @Test func oneClientTooManyIsTurnedAwayWithAWord() throws {
    try serving(.with { $0.connections = 1 }) { sample in
      let first = try SocketClient.greeted(sample.socket)
      let second = try SocketClient(sample.socket)
      let reply = try Reply(try #require(try second.receive()))
      #expect(reply.refusal?.text == "1 clients are connected, and no more are taken")
      #expect(try second.receive() == nil)
      #expect(try first.ask(.begin(.init(request: 1))) == .done)
    }
  }

  @Test func theSocketIsTheOwnersAndGoesWithTheService() throws {
    try serving { sample in
      let mode = try FileManager.default.attributesOfItem(atPath: sample.socket)[.posixPermissions]
      #expect(mode as? Int == 0o600)
      #expect(throws: SocketError.self) {
        try SocketServer(sample.service, at: sample.socket)
      }
      let file = sample.folder.file("notes.txt")
      try Data("notes".utf8).write(to: URL(filePath: file))
      #expect(throws: SocketError.self) { try SocketServer(sample.service, at: file) }
      #expect(try Data(contentsOf: URL(filePath: file)) == Data("notes".utf8))
      let long = sample.folder.file(String(repeating: "x", count: 120))
      #expect(throws: SocketError.self) { try SocketServer(sample.service, at: long) }
    }
    let sample = try ServiceSample()
    let server = try SocketServer(sample.service, at: sample.socket)
    server.start()
    server.stop()
    #expect(!FileManager.default.fileExists(atPath: sample.socket))
  }

  @Test func whatAKilledServiceLeftIsReplaced() throws {
    let sample = try ServiceSample()
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: sample.socket.utf8) }
    _ = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    close(descriptor)
    #expect(FileManager.default.fileExists(atPath: sample.socket))
    let server = try SocketServer(sample.service, at: sample.socket)
    server.start()
    _ = try SocketClient.greeted(sample.socket)
    server.stop()
  }
}

extension ServiceLimits {
  /// What is usual, but for what `change` makes of it.
  static func with(_ change: (inout ServiceLimits) -> Void) -> ServiceLimits {
    var limits = ServiceLimits()
    change(&limits)
    return limits
  }
}
