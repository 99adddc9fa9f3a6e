import Foundation
import RoutingTrace
import SystemPackage
import TestSupport
import Testing

@testable import TraceImport

private let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

@Suite struct PlainBytesTests {
  /// A pipe may give a byte at a time, so that neither mark nor magic comes whole.
  @Test(arguments: [[], [1], [0x1F], mark, mark + [7], [0xEF, 0xBB], Array("abcdef".utf8)])
  func aPipeOfSingleBytesGivesWhatAFileGives(_ content: [UInt8]) throws {
    for bytes in [content, try Gzip.member(content)] {
      let (reading, writing) = try FileDescriptor.pipe()
      defer { try? reading.close() }
      let folder = try TemporaryFolder()
      let whole = FileBytes(limit: 100)
      try whole.read(try folder.write(bytes, to: "file"))
      // A thread of its own: the reader below waits for it.
      Thread.detachNewThread {
        for byte in bytes { _ = try? writing.writeAll([byte]) }
        try? writing.close()
      }
      let piped = FileBytes(limit: 100)
      try piped.read(reading, file: "pipe")
      let plain = content.starts(with: mark) ? Array(content.dropFirst(3)) : content
      #expect(whole.bytes.elementsEqual(plain))
      #expect(piped.bytes.elementsEqual(plain))
      #expect(whole.markLength == content.count - plain.count)
      #expect(whole.isCompressed == (bytes != content))
    }
  }

  @Test func theHeadIsThatOfTheContent() throws {
    let folder = try TemporaryFolder()
    let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
    let path = try folder.write(try Gzip.member(mark + content), to: "file")
    #expect(try PlainBytes(path).head(200_000) == Array(content[..<200_000]))
    #expect(try PlainBytes(path).head(400_000) == content)
  }

  @Test func inflatedSizeIsBounded() throws {
    let folder = try TemporaryFolder()
    let bomb = try Gzip.member([UInt8](repeating: 0x20, count: 1 << 24))
    #expect(bomb.count < 1 << 15)
    let path = try folder.write(bomb, to: "1.json.gz")
    let fault = importFault {
      try importAll(
        [path], format: .paperJSON, options: ImportOptions(experts: 8, maximumFileSize: 1 << 20))
    }
    #expect(fault?.kind == .tooLarge)
    #expect(fault?.problem == "it inflates to more than 1048576 bytes")
    // Nothing of a bomb is recognised, so no more than the head is ever inflated.
    let guessed = importFault { try importAll([path], options: ImportOptions(experts: 8)) }
    #expect(guessed?.problem == "the file, inflated, holds nothing but blanks")
  }

  @Test func damagedGzipNamesFileAndByte() throws {
    let folder = try TemporaryFolder()
    let packed = try Gzip.member(Array(#"[{"0": [[1], [2]]}]"#.utf8))
    let cut = try folder.write(Array(packed.dropLast(3)), to: "cut.json.gz")
    let fault = importFault {
      try importAll([cut], format: .paperJSON, options: ImportOptions(experts: 8))
    }
    #expect(fault?.kind == .malformed)
    #expect(
      fault?.description
        == "\(cut), request 0, byte \(packed.count - 3): its gzip data is cut off; "
        + "download or compress the file again")
    let longer = try folder.write(packed + Array("tail".utf8), to: "longer.json.gz")
    let tail = importFault {
      try importAll([longer], format: .paperJSON, options: ImportOptions(experts: 8))
    }
    #expect(tail?.byte == packed.count)
    // The remedy is done.
    try run("sh", "-c", "head -c \(packed.count) '\(longer)' > '\(folder.file("1.json"))'")
    #expect(
      try importAll([folder.file("1.json")], options: ImportOptions(experts: 8)).map(\.ids) == [
        [1, 2]
      ])
  }

  /// Of a folder whose only trace is damaged, the damage is told.
  @Test func damageInAFolderIsTold() throws {
    let folder = try TemporaryFolder()
    try folder.write([0x1F, 0x8B, 9, 9, 9, 9], to: "1.json.gz")
    let fault = importFault { try importAll([folder.path], options: ImportOptions(experts: 8)) }
    #expect(fault?.file == folder.file("1.json.gz"))
    #expect(fault?.problem == "its gzip data is damaged")
  }

  @Test func placesCountTheMark() throws {
    let text = Array(#"[{"0": [[1], [9]]}]"#.utf8)
    let folder = try TemporaryFolder()
    let plain = try folder.write(text, to: "1.json")
    let marked = try folder.write(mark + text, to: "2.json")
    let faults = [plain, marked].map { path in
      importFault { try importAll([path], options: ImportOptions(experts: 8)) }
    }
    #expect(faults[0]?.byte == 14)
    #expect(faults[1]?.byte == 17)
  }
}
