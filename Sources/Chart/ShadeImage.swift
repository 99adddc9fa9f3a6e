import CZlib
import FoundationEssentials

/// A matrix of 16 shades as a PNG of greys (RFC 2083), which a page colours: 0 is black.
///
/// Four bits a pixel, so that the maps of all layers of a large model fit into one page.
struct ShadeImage {
  /// Shades that are told apart.
  static let shades = 16
  private let width: Int
  /// From 0 to 15, row by row.
  private let shades: [UInt8]

  /// - Precondition: `shades` are whole rows of values below 16.
  init(width: Int, shades: [UInt8]) {
    precondition(width > 0 && shades.count % width == 0)
    self.width = width
    self.shades = shades
  }

  /// The file's bytes.
  var bytes: [UInt8] {
    var bytes: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    // 4 bits a pixel, greys, the only compression and filters, not interlaced.
    append(
      "IHDR", Self.word(width) + Self.word(shades.count / width) + [4, 0, 0, 0, 0], to: &bytes)
    append("IDAT", compressedRows, to: &bytes)
    append("IEND", [], to: &bytes)
    return bytes
  }

  /// All of the image in letters, to stand behind ``prefix``.
  var base64: String { Data(bytes).base64EncodedString() }

  /// What makes an address of ``base64``.
  static let prefix = "data:image/png;base64,"

  private var compressedRows: [UInt8] {
    var rows: [UInt8] = []
    for start in stride(from: 0, to: shades.count, by: width) {
      rows.append(0)  // no filter
      for at in stride(from: start, to: start + width, by: 2) {
        rows.append(shades[at] << 4 | (at + 1 < start + width ? shades[at + 1] : 0))
      }
    }
    var count = compressBound(uLong(rows.count))
    return [UInt8](unsafeUninitializedCapacity: Int(count)) { target, filled in
      // There is room for whatever comes of it, so that only memory could fail; no pixels then.
      let result = compress2(
        target.baseAddress, &count, rows, uLong(rows.count), Z_BEST_COMPRESSION)
      filled = result == Z_OK ? Int(count) : 0
    }
  }

  private func append(_ type: String, _ content: [UInt8], to bytes: inout [UInt8]) {
    let checked = Array(type.utf8) + content
    bytes += Self.word(content.count) + checked
    bytes += Self.word(Int(crc32(0, checked, uInt(checked.count))))
  }

  /// Big-endian.
  private static func word(_ value: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }
}
