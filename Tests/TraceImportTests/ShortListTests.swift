import Testing

@testable import TraceImport

@Suite struct ShortListTests {
  /// The ids of `text`, nil where it is not taken.
  private func ids(_ text: String, _ count: Int) -> [UInt16]? {
    let bytes = Array(text.utf8)
    var ids = [UInt16](repeating: 0, count: count)
    let isTaken = (bytes + [UInt8](repeating: 0, count: 64)).withUnsafeBytes { bytes in
      ids.withUnsafeMutableBufferPointer {
        takeShortList(UnsafeRawBufferPointer(rebasing: bytes.dropLast(64)), count, into: $0)
      }
    }
    return isTaken ? ids : nil
  }

  @Test func shortListsAreTaken() {
    #expect(ids("[8, 10, 14]", 3) == [8, 10, 14])
    #expect(ids("[7]", 1) == [7])
    #expect(ids("[0, 9999, 0012]", 3) == [0, 9999, 12])
    let ten = (0..<10).map { 1000 + $0 }
    #expect(ids("\(ten)", 10) == ten.map { UInt16($0) })
  }

  @Test(arguments: [
    "[]", "[ ]", "[,]", "[, ]", "[1,2]", "[1 2]", "[1,  2]", "[1, 2 ]", "[ 1, 2]", "[1, 2, ]",
    "[1, ]", "[, 2]", "[1, 2, 3]", "[1]", "[1, -1]", "[1, 12345]", "[12345, 1]", "[1, None]",
    "[1, [2]", "[1.5, 2]", "[10000000000000000000000000000000, 10000000000000000000000000000]",
  ])
  func allOthersAreNot(_ text: String) {
    #expect(ids(text, 2) == nil)
  }
}
