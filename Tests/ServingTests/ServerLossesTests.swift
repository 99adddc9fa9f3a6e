import Demand
import Testing

@testable import Serving

struct ServerLossesTests {
  @Test func lossesAreDrawnOneAfterAnother() throws {
    let losses = try ServerLosses.drawn(4, of: 6, in: 10, seed: 2)
    #expect(losses.losses.map(\.seconds) == [2, 4, 6, 8])
    #expect(Set(losses.losses.map(\.server)).count == 4)
    #expect(losses.losses.allSatisfy { (0..<6).contains($0.server) })
    #expect(try ServerLosses.drawn(4, of: 6, in: 10, seed: 2) == losses)
    #expect(try ServerLosses.drawn(4, of: 6, in: 10, seed: 3) != losses)
    #expect(try ServerLosses.drawn(0, of: 6, in: 10, seed: 2).losses.isEmpty)
  }

  @Test func whatCannotBeLostIsRefused() {
    func expect(_ words: String, _ body: () throws(SimulationError) -> ServerLosses) {
      let error = #expect(throws: SimulationError.self) { try body() }
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
    expect("7 of 6 servers") { () throws(SimulationError) in
      try .drawn(7, of: 6, in: 1, seed: 1)
    }
    expect("server 6 cannot be lost: the 6 servers") { () throws(SimulationError) in
      try ServerLosses([.init(server: 6, seconds: 1)], servers: 6)
    }
    expect("server 2 is lost twice") { () throws(SimulationError) in
      try ServerLosses(
        [.init(server: 2, seconds: 1), .init(server: 2, seconds: 3)], servers: 6)
    }
    expect("seconds from 0 on") { () throws(SimulationError) in
      try ServerLosses([.init(server: 2, seconds: -1)], servers: 6)
    }
    expect("replaced after") { () throws(SimulationError) in
      try ServerLosses([.init(server: 2, seconds: 1)], servers: 6, replacedAfter: -1)
    }
  }

  @Test func thoseWhoAreLeftMustHaveRoom() throws {
    let lost = [ServerLosses.Loss(server: 0, seconds: 1), .init(server: 1, seconds: 2)]
    let losses = try ServerLosses(lost, servers: 4)
    try losses.check(servers: 4, capacity: 18, experts: 36)
    let error = #expect(throws: SimulationError.self) {
      try losses.check(servers: 4, capacity: 17, experts: 36)
    }
    #expect(error?.description.contains("2 servers are left with room for 34 of 36") == true)
    let replaced = try ServerLosses(lost, servers: 4, replacedAfter: 1)
    try replaced.check(servers: 4, capacity: 17, experts: 36)
  }
}
