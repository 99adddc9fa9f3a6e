import Testing

@testable import TraceImport

private func decimal(_ text: String) -> Double? {
  Array(text.utf8).withUnsafeBytes { decimalNumber($0[...]) }
}

@Suite struct NumbersTests {
  @Test(arguments: [
    "0", "0.5", "0.0414", "-1.25", "123456789012345", "0.000000000000001", "1e-3", "2.5E+4",
    "0.12345678901234567890", "98765432109876543210", ".5", "5.",
  ])
  func readsAsTheStandardLibraryDoes(_ text: String) {
    #expect(decimal(text) == Double(text.hasSuffix(".") ? text + "0" : text))
  }

  @Test(arguments: ["", "-", ".", "1.2.3", "nan", "inf", "0x10", " 1", "1 ", "1,5"])
  func refuses(_ text: String) {
    #expect(decimal(text) == nil)
  }

  @Test func wholeNumbersHaveNineDigitsAtMost() {
    func whole(_ text: String) -> Int? {
      Array(text.utf8).withUnsafeBytes { wholeNumber($0[...]) }
    }
    #expect(whole("999999999") == 999_999_999)
    #expect(whole("007") == 7)
    for text in ["", "1000000000", "-1", "+1", "1.0"] { #expect(whole(text) == nil) }
  }

  /// Values that round to one half by way of single precision and to another at once, among them.
  @Test func halvesAreRoundedOnce() {
    for bits in 0..<UInt16(0x7C00) {
      let half = Double(Float16(bitPattern: bits))
      let middle = (half + Double(Float16(bitPattern: bits + 1))) / 2
      for value in [half, middle, middle.nextUp, middle.nextDown, half.nextUp, middle * 1.0001] {
        for value in [value, -value] { #expect(halfPrecision(value) == Float16(value)) }
      }
    }
  }
}
