/// Constants of the LZ4 frame format 1.6.3.
enum FrameFormat {
  static let magic: UInt32 = 0x184D_2204
  /// Skippable frames begin with this number or one of the fifteen after it.
  static let skippableMagic: UInt32 = 0x184D_2A50
  /// Set in a block's size where the block is stored, not compressed.
  static let storedBlock: UInt32 = 0x8000_0000
  /// How far back a block that is linked to those before it may reach.
  static let linkedWindow = 1 << 16

  /// Bits of the FLG byte.
  static let versionBits: UInt8 = 0b0100_0000
  static let independentBlocks: UInt8 = 0b0010_0000
  static let blockChecksum: UInt8 = 0b0001_0000
  static let contentSize: UInt8 = 0b0000_1000
  static let contentChecksum: UInt8 = 0b0000_0100
  static let dictionaryID: UInt8 = 0b0000_0001

  /// Whether `byte` is the first of a data or skippable frame's magic number, which is
  /// little-endian.
  static func begins(with byte: UInt8) -> Bool {
    byte == UInt8(truncatingIfNeeded: magic) || byte & 0xF0 == 0x50
  }

  /// Largest block of a block size code (BD byte, bits 4 to 6), or nil for a reserved code.
  static func maximumBlock(code: UInt8) -> Int? {
    (4...7).contains(code) ? 1 << (8 + 2 * Int(code)) : nil
  }
}
