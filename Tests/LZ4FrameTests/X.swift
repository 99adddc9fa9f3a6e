@testable import LZ4Frame
import Testing
@Test func a() { #expect(xxh32([UInt8]()) == 0x02CC5D05) }
