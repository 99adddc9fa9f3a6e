import Testing

@testable import Wafer

struct HardwareTests {
  @Test(arguments: Hardware.shippedNames) func shippedSystemsAreValid(name: String) throws {
    let system = try SystemDescription(named: name)
    #expect(system.hardware.name == name)
    #expect(!system.hardware.description.isEmpty)
    #expect(system.hardware.problem == nil)
    // Shipped files say all that matters.
    #expect(system.inherited == [])
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
    var hardware = try #require(try Hardware.shipped("dojo"))
    try hardware.apply(override: "rows=7")
    try hardware.apply(override: "link_bandwidth_counts=both_directions")
    try hardware.apply(override: "name=mine")
    try hardware.apply(override: "description=")
    #expect(hardware.linkBandwidthOneDirection == 0.85e12)
    let json = #"{"base": "dojo", "rows": 7, "link_bandwidth_counts": "both_directions"}"#
    #expect(try Hardware(json: Array(json.utf8), from: "folder/mine.json") == hardware)
  }

  /// What a system's values say makes the same system again.
  @Test(arguments: Hardware.shippedNames) func valuesAreTheWholeSystem(name: String) throws {
    let hardware = try #require(try Hardware.shipped(name))
    var again = Hardware()
    for (key, value) in hardware.values { try again.set(key, to: value) }
    #expect(again == hardware)
    #expect(hardware.values.map(\.key) == Hardware.keys)
  }

  /// A file without a base must say what nobody can guess, and is told what was taken from Dojo.
  @Test func figuresThatNobodyGaveAreNamed() throws {
    let least = """
      {"topology": "ring", "columns": 4, "rows": 1, "compute_flops_per_second": 1e15,
       "hbm_bandwidth_bytes_per_second": 2e12, "hbm_capacity_bytes": 8e10,
       "link_bandwidth_bytes_per_second": 1e11}
      """
    var system = try SystemDescription(json: Array(least.utf8), from: "mine.json")
    #expect(!system.namesBase && system.base == "dojo" && system.hardware.topology == .ring)
    #expect(system.inherited.contains("hbm_latency_seconds"))
    // Neither what it gives, nor what only a host would need.
    #expect(!system.inherited.contains("columns"))
    #expect(!system.inherited.contains { $0.hasPrefix("host_") })
    try system.apply(override: "hbm_latency_seconds=1e-7")
    #expect(!system.inherited.contains("hbm_latency_seconds"))

    let changed = #"{"base": "sow", "columns": 4}"#
    let based = try SystemDescription(json: Array(changed.utf8), from: "mine.json")
    #expect(based.namesBase && based.base == "sow" && based.hardware.rows == 8)
    #expect(based.inherited.contains("rows") && !based.inherited.contains("columns"))
  }

  @Test(arguments: [
    ("{}", "mine.json: it does not say topology, columns, rows, compute_flops_per_second"),
    (#"{"columns": 1, "rows": 1}"#, "it does not say compute_flops_per_second, hbm_bandwidth"),
    (#"{"base": "dojo", "rows": 0}"#, "rows must be a whole number from 1 to 4096, not 0.0"),
    (#"{"rows": 2.5}"#, "line 1: rows must be a whole number from 1 to 4096, not 2.5"),
    (#"{"rows": "5"}"#, "rows must be a whole number from 1 to 4096, not a text"),
    (#"{"hbm_bandwidth": 1}"#, "'hbm_bandwidth' is no hardware key; did you mean"),
    (#"{"rosw": 1}"#, "'rosw' is no hardware key; did you mean rows?"),
    ("{\n\"colums\": 1}", "line 2: 'colums' is no hardware key; did you mean columns?"),
    (#"{"qqq": 1}"#, "'qqq' is no hardware key; the keys are name, description"),
    (#"{"topology": "cube"}"#, "topology must be one of mesh, switch, ring, torus, two_level"),
    (#"{"topology": "rnig"}"#, "did you mean ring?"),
    (#"{"hbm_reserved_fraction": 1}"#, "must be a number from 0 to 0.999, not 1.0"),
    (#"{"llc_hit_seconds": -1}"#, "llc_hit_seconds must be a number from 0 to 1000000.0, not -1.0"),
    (
      #"{"link_bandwidth_bytes_per_second": 1e-300}"#,
      "link_bandwidth_bytes_per_second must be a number from 1 to 1e+24, not 1e-300"
    ),
    (#"{"rows": [5]}"#, "'rows' must be a number or a text; only tiers is a list"),
    ("{\"rows\": 5,\n\n \"columns\": null}", "line 3: 'columns' is null"),
    ("{\"rows\": 5,\n \"rows\": 5}", "line 2: 'rows' is given twice, first in line 1"),
    ("{\"rows\": 5,\n}", "line 2: a comma stands before the closing brace"),
    (#"{"base": "doji"}"#, "line 1: base must be one of dojo, sow"),
    (#"{"base": "dojo", "columns": 4096, "rows": 4096}"#, "16777216 dies have more than"),
    (#"{"rows": true}"#, "not true"),
    (#"{"rows": 05}"#, "'rows' has no value that can be read"),
    (#"{"rows": +5}"#, "'rows' has no value that can be read"),
    (#"{"rows": 5 "columns": 5}"#, "a comma or the closing brace is missing"),
    (#"{"rows": 5} {}"#, "something follows the object"),
    (#"{"name": "a\qb"}"#, "nothing that it can escape"),
    (#"{"name": "a"#, "a text has no end"),
    ("[1]", "line 1: a hardware file is one object"),
    ("{", "not valid JSON"),
    ("", "a hardware file is one object"),
  ])
  func badFilesAreRefused(json: String, problem: String) {
    let error = #expect(throws: HardwareError.self) {
      try Hardware(json: Array(json.utf8), from: "mine.json")
    }
    #expect(error?.description.hasPrefix("mine.json") == true)
    #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
  }

  @Test func textsAreReadWithTheirEscapes() throws {
    let json = #"{"base":"dojo","name":"a\"\\\/\u00e9\n","description":"µ"}"#
    let hardware = try Hardware(json: Array(json.utf8), from: "mine.json")
    #expect(hardware.name == "a\"\\/é\n" && hardware.description == "µ")
  }

  @Test(arguments: ["rows", "rows=", "rows=five", "rows=nan", "=", "columns=1e300"])
  func badOverridesAreRefused(override: String) {
    #expect(throws: HardwareError.self) {
      var hardware = Hardware()
      try hardware.apply(override: override)
    }
  }

  @Test func unknownSystemsAreNamedWithLikelyOnes() {
    let error = #expect(throws: HardwareError.self) { try SystemDescription(named: "doji") }
    #expect(error?.description.contains("did you mean dojo?") == true)
  }

  /// More than 64 columns, and what memory would not hold is refused before it is laid out.
  @Test func systemsMayBeWide() {
    var hardware = Hardware()
    (hardware.topology, hardware.columns, hardware.rows) = (.switch, 72, 1)
    #expect(hardware.problem == nil && Fabric(hardware).links == 144)
    (hardware.topology, hardware.columns) = (.ring, 4000)
    #expect(hardware.problem?.contains("take fewer dies") == true)
    (hardware.columns, hardware.hbmBandwidth) = (4, 1e-300)
    #expect(hardware.problem?.contains("hbm_bandwidth_bytes_per_second") == true)
  }
}
