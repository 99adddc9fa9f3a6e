import LZ4Frame
import TestSupport
import Testing

@testable import RoutingTrace

@Suite struct TraceShapeTests {
  func shape(_ name: String) throws(ShapeError) -> TraceShape {
    try TraceShape(model: name, modelLayers: [0, 1], experts: 8, topK: 2)
  }

  @Test func namesAreThoseThatComeBack() throws {
    #expect(try shape(String(repeating: "é", count: 2048)).model.utf8.count == 4096)
    for (name, word) in [
      ("a\0b", "with a NUL"), (String(repeating: "é", count: 2049), "in 4098 bytes; at most 4096"),
    ] {
      do throws(ShapeError) {
        _ = try shape(name)
        Issue.record("\(word) was let in")
      } catch {
        #expect(error.isOfName && error.description.contains(word))
      }
    }
  }

  /// A header that another writer made: the error says what to do about the name.
  @Test(arguments: [#"a\u0000b"#, String(repeating: "m", count: 70_000)])
  func headersWithOtherNamesAreRefused(name: String) throws {
    let json = #"{"model":"\#(name)","provenance":{}}"#
    var header = TraceHeader.magic
    header.append(littleEndian: TraceHeader.version)
    header.append(littleEndian: UInt16(0))
    header.append(littleEndian: UInt32(8))
    header.append(littleEndian: UInt16(2))
    header.append(littleEndian: UInt16(1))
    header.append(littleEndian: UInt32(json.utf8.count))
    header.append(littleEndian: UInt16(0))
    header += json.utf8
    var frames = FrameWriter(MemorySink(), level: 0)
    try frames.writeData(header)
    do {
      _ = try TraceReader(MemorySource(frames.sink.bytes), name: "trace")
      Issue.record("the name was let in")
    } catch let error as TraceError {
      #expect(error.kind == .corrupt)
      #expect(
        error.remedy
          == "`moecast import --model-name NAME -o NEW.moe.lz4 OLD.moe.lz4` gives it another name")
    }
  }
}
