import Testing

@testable import Wafer

struct HardwareTests {
  @Test(arguments: Hardware.shippedNames) func shippedSystemsAreValid(name: String) throws {
    let hardware = try #require(try Hardware.shipped(name))
    #expect(hardware.name == name)
    #expect(!hardware.description.isEmpty)
  }

  @Test func shippedFiguresAreThePapers() throws {
    #expect(try Hardware.shipped("none") == nil)
    let sow = try #require(try Hardware.shipped("SoW"))
    #expect(sow.columns == 3 && sow.rows == 8 && sow.hbmBandwidth == 3.35e12)
    let enhanced = try #require(try Hardware.shipped("dojo-enhanced"))
    #expect(enhanced.computeFlops == 4500e12 && enhanced.hbmCapacity == 180e9)
    #expect(enhanced.linkBandwidth == 2e12 && enhanced.hbmBandwidth == 8e12)
  }

  @Test func overridesAndFilesSetTheSameKeys() throws {
    var hardware = Hardware()
    try hardware.apply(override: "rows=7")
    try hardware.apply(override: "link_bandwidth_counts=both_directions")
    #expect(hardware.linkBandwidthOneDirection == 0.85e12)
    let json = #"{"rows": 7, "link_bandwidth_counts": "both_directions"}"#
    #expect(try Hardware(json: Array(json.utf8), from: "mine.json") == hardware)
  }

  @Test(arguments: [
    (#"{"rows": 0}"#, "rows must be a whole number from 1 to 64, not 0.0"),
    (#"{"rows": 2.5}"#, "rows must be a whole number from 1 to 64, not 2.5"),
    (#"{"rows": "5"}"#, "rows must be a whole number from 1 to 64, not a text"),
    (#"{"hbm_bandwidth": 1}"#, "'hbm_bandwidth' is no hardware key; did you mean"),
    (#"{"topology": "cube"}"#, "topology must be one of mesh, switch, ring"),
    (#"{"hbm_reserved_fraction": 1}"#, "hbm_reserved_fraction must be at least 0 and below 1"),
    (#"{"llc_hit_seconds": -1}"#, "llc_hit_seconds must be a number, at least 0, not -1.0"),
    (#"{"link_bandwidth_bytes_per_second": 0}"#, "must be a number above 0, not 0.0"),
    (#"{"rows": [5]}"#, "expected one flat object of numbers and texts at 'rows'"),
    ("[1]", "expected one flat object"),
    ("{", "not valid JSON"),
    ("", "not valid JSON"),
  ])
  func badFilesAreRefused(json: String, problem: String) {
    let error = #expect(throws: HardwareError.self) {
      try Hardware(json: Array(json.utf8), from: "mine.json")
    }
    #expect(error?.description.hasPrefix("mine.json: ") == true)
    #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
  }

  @Test(arguments: ["rows", "rows=", "rows=five", "rows=nan", "=", "columns=1e300"])
  func badOverridesAreRefused(override: String) {
    #expect(throws: HardwareError.self) {
      var hardware = Hardware()
      try hardware.apply(override: override)
    }
  }
}
