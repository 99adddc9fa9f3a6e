import CReferenceKernels
import Glibc
import RoutingTrace

/// The ids of chunks, a byte each, as LZ4 blocks of 256 KiB: what the container holds beside
/// headers.
final class LZ4Blocks {
  /// Bytes decoded.
  let bytes: Int
  private let blocks: [(packed: [UInt8], plain: [UInt8])]
  private let scratch = LZ4Scratch()

  init(_ chunks: [TraceChunk]) {
    var bytes = 0
    var blocks: [(packed: [UInt8], plain: [UInt8])] = []
    for chunk in chunks {
      let ids = chunk.block.ids.map { UInt8(truncatingIfNeeded: $0) }
      bytes += ids.count
      scratch.compress(ids) { blocks.append((Array($0.packed), Array($0.plain))) }
    }
    self.bytes = bytes
    self.blocks = blocks
  }

  func decode() {
    for block in blocks { scratch.decode(block.packed) }
  }

  func compress() {
    for block in blocks { scratch.compress(block.plain) }
  }

  func copy() {
    for block in blocks { scratch.copy(block.plain) }
  }
}

/// Memory that one LZ4 block after the other is written to.
final class LZ4Scratch {
  typealias Block = (plain: UnsafeRawBufferPointer, packed: UnsafeRawBufferPointer)

  private static let block = 1 << 18
  private let room = UnsafeMutableRawBufferPointer.allocate(
    byteCount: ceiling_block_room(block), alignment: 64)

  deinit { room.deallocate() }

  /// Compresses a column in blocks of 256 KiB; `body` sees each and what it came to.
  func compress(_ column: [UInt8], _ body: (Block) -> Void = { _ in }) {
    column.withUnsafeBytes { column in
      for first in stride(from: 0, to: column.count, by: Self.block) {
        let end = min(first + Self.block, column.count)
        let plain = UnsafeRawBufferPointer(rebasing: column[first..<end])
        let count = ceiling_compress(plain.baseAddress, plain.count, room.baseAddress, room.count)
        body((plain, UnsafeRawBufferPointer(rebasing: room[..<count])))
      }
    }
  }

  /// Decodes a block.
  func decode(_ packed: [UInt8]) {
    _ = ceiling_decompress(packed, packed.count, room.baseAddress, room.count)
  }

  /// Copies a block that is not compressed; there is room, for it was compressed here.
  func copy(_ plain: [UInt8]) {
    plain.withUnsafeBytes { room.copyMemory(from: $0) }
  }
}
