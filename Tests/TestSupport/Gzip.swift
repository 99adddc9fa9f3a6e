import CZlib

/// Gzip data as other programs write it (RFC 1952).
public enum Gzip {
  /// One member that holds `bytes`.
  public static func member(_ bytes: [UInt8]) throws -> [UInt8] {
    var room = [UInt8](repeating: 0, count: Int(compressBound(UInt(bytes.count))))
    var count = UInt(room.count)
    guard compress2(&room, &count, bytes, UInt(bytes.count), 6) == Z_OK else {
      throw CommandError(description: "zlib cannot compress \(bytes.count) bytes")
    }
    // Between zlib's header of two bytes and its checksum of four is what gzip holds.
    let deflated = room[2..<Int(count) - 4]
    let sum = UInt32(crc32(0, bytes, UInt32(bytes.count)))
    return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255] + deflated
      + [sum, UInt32(truncatingIfNeeded: bytes.count)].flatMap { number in
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
      }
  }
}
