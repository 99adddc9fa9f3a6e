import Testing

@testable import Wafer

struct FabricTests {
  @Test func meshRoutesXFirst() throws {
    let fabric = Fabric(try #require(try Hardware.shipped("dojo")))
    #expect(fabric.nodes == 25 && fabric.links == 80)
    #expect(fabric.hops(from: 0, to: 24) == 8)
    // From (0, 0) to (1, 1) by way of (1, 0).
    let bend = Array(fabric.way(from: 0, to: 6))
    #expect(bend == Array(fabric.way(from: 0, to: 1)) + Array(fabric.way(from: 1, to: 6)))
    #expect(fabric.neighbours(of: 0, within: 1) == [1, 5])
    #expect(fabric.neighbours(of: 12, within: 1) == [7, 11, 13, 17])
  }

  @Test func switchAndHostHaveTheirOwnLinks() throws {
    let nvlink = Fabric(try #require(try Hardware.shipped("nvlink-8")))
    #expect(nvlink.links == 16 && nvlink.hops(from: 0, to: 3) == 2)
    #expect(nvlink.neighbours(of: 2, within: 1) == [0, 1, 3, 4, 5, 6, 7])
    let pcie = Fabric(try #require(try Hardware.shipped("pcie-1")))
    #expect(pcie.tiers.map(\.name) == ["host"] && pcie.nodes == 2 && pcie.links == 2)
    #expect(pcie.linkBandwidth[Int(pcie.way(from: 1, to: 0).first ?? -1)] == 55e9)
    #expect(HomePlacement.contiguous.homes(experts: 3, on: pcie) == [1, 1, 1])
  }

  /// A 4 x 3 torus: the shorter way round, X first, every die with four links out.
  @Test func torusGoesTheShorterWayRound() {
    var hardware = Hardware()
    (hardware.topology, hardware.columns, hardware.rows) = (.torus, 4, 3)
    let fabric = Fabric(hardware)
    #expect(fabric.links == 48)
    #expect(fabric.hops(from: 0, to: 3) == 1 && fabric.hops(from: 0, to: 8) == 1)
    // From (0, 0) to (3, 2): round both edges, by way of (3, 0).
    #expect(
      Array(fabric.way(from: 0, to: 11))
        == Array(fabric.way(from: 0, to: 3)) + Array(fabric.way(from: 3, to: 11)))
    #expect(fabric.hops(from: 0, to: 11) == 2 && fabric.hops(from: 0, to: 6) == 3)
    #expect(fabric.neighbours(of: 0, within: 1) == [1, 3, 4, 8])
    for (from, to) in [(1, 10), (7, 0), (11, 2)] {
      let ends = fabric.way(from: from, to: to).map { fabric.linkEnds[Int($0)] }
      #expect(ends.first?.from == from && ends.last?.to == to)
      #expect(zip(ends, ends.dropFirst()).allSatisfy { $0.to == $1.from })
    }
  }

  /// Two racks of 72: a switch inside each, slower links between them.
  @Test func twoLevelsHaveLinksOfTheirOwn() throws {
    var hardware = try #require(try Hardware.shipped("nvl72"))
    hardware.rows = 2
    let fabric = Fabric(hardware)
    let inside = fabric.way(from: 0, to: 71).map { Int($0) }
    let across = fabric.way(from: 0, to: 72).map { Int($0) }
    #expect(inside.count == 2 && across.count == 2)
    #expect(inside.allSatisfy { fabric.linkBandwidth[$0] == 900e9 })
    #expect(across.allSatisfy { fabric.linkBandwidth[$0] == 50e9 })
    #expect(across.allSatisfy { fabric.linkEnds[$0].isScaleOut })
    #expect(fabric.neighbours(of: 0, within: 1) == Array(1..<72))
    #expect(fabric.neighbours(of: 0, within: 2).count == 143)
  }
}
