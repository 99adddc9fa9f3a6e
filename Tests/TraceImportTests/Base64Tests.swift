import Foundation
import Testing

@testable import TraceImport

private func decode(_ text: String) throws(Base64.Problem) -> [UInt8] {
  let bytes = Array(text.utf8)
  let result = bytes.withUnsafeBytes { bytes in
    Result { () throws(Base64.Problem) in try Base64.bytes(of: bytes) }
  }
  return try result.get()
}

@Suite struct Base64Tests {
  /// Foundation writes it; signs that fill up the end may be missing.
  @Test func readsWhatFoundationWrites() throws {
    for count in 0..<300 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 151 + count) }
      let text = Data(bytes).base64EncodedString()
      #expect(try decode(text) == bytes)
      #expect(try decode(text.replacing("=", with: "")) == bytes)
    }
  }

  @Test(arguments: [
    ("A", "its base64 text of 1 signs is cut off"),
    ("AAAAA", "its base64 text of 5 signs is cut off"),
    ("AAA-", "sign 3 of its base64 text is none of base64"),
    ("AAAAA\nAA", "sign 5 of its base64 text is none of base64"),
    ("AA=A", "sign 2 of its base64 text is none of base64"),
    ("AAAA=", "its base64 text of 5 signs is cut off"),
    ("AA===", "its base64 text of 5 signs is cut off"),
  ])
  func refuses(_ text: String, problem: String) {
    let error = #expect(throws: Base64.Problem.self) { try decode(text) }
    #expect(error?.text == problem)
  }
}
