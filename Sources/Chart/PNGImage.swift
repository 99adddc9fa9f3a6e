import CZlib
import FoundationEssentials

/// Shades from 0 to 255 as a PNG of a colour scale (RFC 2083): light is little, dark is much, and
/// as lightness falls all the way it can be read without colours.
struct PNGImage {
  private let width: Int
  private let shades: [UInt8]

  /// - Precondition: `shades` are whole rows.
  init(width: Int, shades: [UInt8]) {
    precondition(width > 0 && shades.count % width == 0)
    self.width = width
    self.shades = shades
  }

  /// The file's bytes.
  var bytes: [UInt8] {
    var bytes: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    // 8 bits a pixel, a palette, the only compression and filters, not interlaced.
    append(
      "IHDR", Self.word(width) + Self.word(shades.count / width) + [8, 3, 0, 0, 0], to: &bytes)
    append("PLTE", (0...255).flatMap(Self.color), to: &bytes)
    append("IDAT", compressedRows, to: &bytes)
    append("IEND", [], to: &bytes)
    return bytes
  }

  /// The image as an address that holds all of it.
  var address: String { "data:image/png;base64," + Data(bytes).base64EncodedString() }

  private var compressedRows: [UInt8] {
    var rows: [UInt8] = []
    rows.reserveCapacity(shades.count + shades.count / width)
    for start in stride(from: 0, to: shades.count, by: width) {
      rows.append(0)  // no filter
      rows += shades[start..<start + width]
    }
    var count = compressBound(uLong(rows.count))
    return [UInt8](unsafeUninitializedCapacity: Int(count)) { target, filled in
      // There is room for whatever comes of it, so that only memory could fail; no pixels then.
      let result = compress2(
        target.baseAddress, &count, rows, uLong(rows.count), Z_BEST_COMPRESSION)
      filled = result == Z_OK ? Int(count) : 0
    }
  }

  /// White over yellow, green and blue to a dark violet, between six colours.
  private static func color(_ shade: Int) -> [UInt8] {
    let stops: [[Double]] = [
      [255, 255, 255], [250, 230, 120], [120, 200, 100], [33, 145, 140], [60, 80, 140],
      [50, 10, 70],
    ]
    let place = Double(shade) / 255 * Double(stops.count - 1)
    let stop = min(Int(place), stops.count - 2)
    let share = place - Double(stop)
    return zip(stops[stop], stops[stop + 1]).map { UInt8(($0 + ($1 - $0) * share).rounded()) }
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
