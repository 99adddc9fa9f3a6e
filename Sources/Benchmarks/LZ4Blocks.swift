import CLZ4
import Glibc
import RoutingTrace

/// The ids of chunks, a byte each, as LZ4 blocks of 256 KiB: what the container holds beside headers.
final class LZ4Blocks {
  /// Bytes decoded.
  let bytes: Int
  private var blocks: [(compressed: [CChar], plain: [CChar])] = []
  private let target: UnsafeMutablePointer<CChar>
  private let room: Int

  init(_ chunks: [TraceChunk]) {
    let size = 1 << 18
    room = Int(LZ4_compressBound(Int32(size)))
    target = .allocate(capacity: room)
    var bytes = 0
    for chunk in chunks {
      let ids = chunk.block.ids.map { CChar(truncatingIfNeeded: $0) }
      bytes += ids.count
      for first in stride(from: 0, to: ids.count, by: size) {
        let plain = Array(ids[first..<min(first + size, ids.count)])
        let count = LZ4_compress_default(plain, target, Int32(plain.count), Int32(room))
        let compressed = Array(UnsafeBufferPointer(start: target, count: Int(count)))
        blocks.append((compressed, plain))
      }
    }
    self.bytes = bytes
  }

  deinit { target.deallocate() }

  func decode() {
    for block in blocks {
      _ = LZ4_decompress_safe(block.compressed, target, Int32(block.compressed.count), Int32(room))
    }
  }

  func compress() {
    for block in blocks {
      _ = LZ4_compress_default(block.plain, target, Int32(block.plain.count), Int32(room))
    }
  }

  func copy() {
    for block in blocks { _ = memcpy(target, block.plain, block.plain.count) }
  }
}

/// lz4's compression of columns in blocks of 256 KiB.
final class LZ4Compression {
  private static let block = 1 << 18
  private var target = [CChar](repeating: 0, count: Int(LZ4_compressBound(Int32(block))))

  func compress(_ column: [UInt8]) {
    column.withUnsafeBytes { bytes in
      for at in stride(from: 0, to: bytes.count, by: Self.block) {
        let count = min(Self.block, bytes.count - at)
        let start = bytes.baseAddress.map { ($0 + at).assumingMemoryBound(to: CChar.self) }
        _ = LZ4_compress_default(start, &target, Int32(count), Int32(target.count))
      }
    }
  }
}
