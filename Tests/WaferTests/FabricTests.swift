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
    #expect(pcie.host == 1 && pcie.nodes == 2 && pcie.links == 2)
    #expect(pcie.linkBandwidth[Int(pcie.way(from: 1, to: 0).first ?? -1)] == 55e9)
    #expect(HomePlacement.contiguous.homes(experts: 3, on: pcie) == [1, 1, 1])
  }
}
