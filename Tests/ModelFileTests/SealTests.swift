import Testing

@testable import ModelFile

@Suite struct SealTests {
  let sealed: [UInt8] = {
    let bytes = (0..<300).map { UInt8($0 % 251) }
    return bytes + Seal.of(bytes)
  }()

  func check(_ bytes: [UInt8]) -> Seal.Verdict { bytes.withUnsafeBytes { Seal.check($0) } }

  @Test func theSealIsALineOfText() {
    let text = String(decoding: sealed.suffix(64), as: UTF8.self)
    #expect(sealed.count == 364)
    #expect(text.hasPrefix("\nmoecast-seal 1 xxh64 "))
    #expect(text.hasSuffix(" bytes 00000000000000300 \n"))
  }

  @Test func everyFlipShows() {
    #expect(check(sealed) == .intact)
    for position in sealed.indices {
      for bit in 0..<8 {
        var flipped = sealed
        flipped[position] ^= 1 << bit
        #expect(check(flipped) != .intact)
        if position < 300 { #expect(check(flipped) == .broken) }
      }
    }
  }

  @Test func everyCutShows() {
    for count in 0..<sealed.count { #expect(check(Array(sealed[..<count])) == .absent) }
  }
}
