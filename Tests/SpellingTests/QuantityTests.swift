import Spelling
import Testing

@Suite struct QuantityTests {
  @Test(arguments: [
    (QuantityUnit.bytes, "4MB", 4e6), (.bytes, "16GiB", 17_179_869_184), (.bytes, "1.5 kB", 1500),
    (.bytes, "2KB", 2000), (.bytes, "512", 512), (.bytes, "4e6", 4e6), (.bytes, "12B", 12),
    (.bytes, "5EB", 5e18), (.bytes, "5E3B", 5000), (.bytes, "-1MB", -1e6),
    (.bytesPerSecond, "3.35TB/s", 3.35e12), (.bytesPerSecond, "400Gbit/s", 5e10),
    (.bytesPerSecond, "400Gb/s", 5e10), (.bytesPerSecond, "8bps", 1),
    (.flopsPerSecond, "989TFLOP/s", 989e12), (.flopsPerSecond, "1PFLOPS", 1e15),
    (.seconds, "5us", 5e-6), (.seconds, "5µs", 5e-6), (.seconds, "2 min", 120),
    (.seconds, "1.5", 1.5), (.seconds, "300ns", 300e-9),
  ]) func unitsAreRead(unit: QuantityUnit, text: String, value: Double) {
    let read = unit.value(of: text)
    // To the last bit what is written with an exponent.
    #expect(read == value, "\(text)")
  }

  /// Of another kind, half a unit, or no number at all.
  @Test(arguments: [
    (QuantityUnit.bytes, "4MB/s"), (.bytes, "4Mb"), (.bytes, "4mB"), (.bytes, "MB"), (.bytes, ""),
    (.bytes, "4 potatoes"), (.bytes, "4M"), (.bytes, "4MiiB"), (.bytesPerSecond, "4MB"),
    (.seconds, "4MB"), (.seconds, "1e"), (.flopsPerSecond, "1GB/s"), (.bytes, "1.2.3MB"),
    (.bytes, "4  MB"),
  ]) func othersAreNot(unit: QuantityUnit, text: String) {
    #expect(unit.value(of: text) == nil)
  }

  /// Exponents beyond every number are no end of the program.
  @Test(arguments: ["1e9223372036854775807B", "1e-9223372036854775808B", "1e99999999999999999999B"])
  func exponentsAreBounded(text: String) {
    let value = QuantityUnit.bytes.value(of: text)
    #expect(value == .infinity || value == 0 || value == 1)
  }

  @Test func keysTellTheirUnit() {
    #expect(QuantityUnit(ofKey: "hbm_bandwidth_bytes_per_second") == .bytesPerSecond)
    #expect(QuantityUnit(ofKey: "hbm_capacity_bytes") == .bytes)
    #expect(QuantityUnit(ofKey: "link_latency_seconds") == .seconds)
    #expect(QuantityUnit(ofKey: "compute_flops_per_second") == .flopsPerSecond)
    #expect(QuantityUnit(ofKey: "rows") == nil && QuantityUnit(ofKey: "bytes") == nil)
    #expect(QuantityUnit.isNamed(in: "3 s") && !QuantityUnit.isNamed(in: "3e5"))
  }
}
