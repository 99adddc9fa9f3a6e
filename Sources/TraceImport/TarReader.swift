import Archive

/// The members of a tar archive (POSIX ustar and pax, GNU's long names), one behind another, as it
/// streams by.
struct TarReader {
  /// What a member is, as far as it matters here.
  enum Kind: Equatable {
    case file, folder
    /// A link, a device or a pipe, in words.
    case other(String)
  }

  /// A member, whose bytes come next.
  struct Member {
    var name: String
    var size: Int
    var kind: Kind
  }

  private let source: PlainBytes
  /// Bytes of the member that were not read, and of the padding behind it.
  private var remaining = 0
  private var padding = 0
  /// Bytes of the archive that were read.
  private var position = 0

  private static let block = 512
  /// The most that a name or a header of several fields takes, in bytes.
  private static let longestText = 1 << 16

  init(_ source: PlainBytes) { self.source = source }

  /// Whether a file that begins so is a tar archive.
  static func recognises(_ head: [UInt8]) -> Bool {
    head.count >= block && head[257..<262].elementsEqual("ustar".utf8)
  }

  /// Goes on to the next member, passing over what is left of the latest; nil at the end.
  mutating func next() throws(ImportError) -> Member? {
    try skip(remaining + padding)
    (remaining, padding) = (0, 0)
    var longName: String?
    var longSize: Int?
    while true {
      let start = position
      let header = try take(Self.block, isEndAllowed: true)
      // The end is two blocks of zeros; many archives lack the second, and some both.
      guard !header.isEmpty, header.contains(where: { $0 != 0 }) else { return nil }
      guard Self.isIntact(header), let size = Self.number(header[124..<136]) else {
        throw fault("no tar header stands here", at: start)
      }
      let type = header[156]
      switch type {
      case UInt8(ascii: "x"), UInt8(ascii: "g"):
        let fields = Self.fields(try text(of: size))
        guard type == UInt8(ascii: "x") else { continue }
        longName = fields["path"] ?? longName
        longSize = fields["size"].flatMap { Int($0) } ?? longSize
      case UInt8(ascii: "L"):
        longName = Self.text(try text(of: size)[...])
      case UInt8(ascii: "K"):
        _ = try text(of: size)
      default:
        let own = Self.text(header[0..<100])
        let prefix =
          header[257..<263].elementsEqual("ustar\0".utf8) ? Self.text(header[345..<500]) : ""
        remaining = longSize ?? size
        guard remaining >= 0, remaining <= 1 << 50 else {
          throw fault("a member of \(remaining) bytes is impossible", at: start)
        }
        padding = (Self.block - remaining % Self.block) % Self.block
        return Member(
          name: longName ?? (prefix.isEmpty ? own : prefix + "/" + own), size: remaining,
          kind: Self.kind(type))
      }
    }
  }

  /// Fills the beginning of `room` with the member's next bytes; 0 at its end.
  mutating func read(into room: UnsafeMutableRawBufferPointer) throws(ImportError) -> Int {
    guard remaining > 0 else { return 0 }
    let got = try source.read(
      into: UnsafeMutableRawBufferPointer(rebasing: room.prefix(remaining)))
    guard got > 0 else { throw fault("the archive is cut off in a member", at: position) }
    remaining -= got
    position += got
    return got
  }

  private static func kind(_ type: UInt8) -> Kind {
    switch type {
    case 0, UInt8(ascii: "0"), UInt8(ascii: "7"): .file
    case UInt8(ascii: "5"): .folder
    case UInt8(ascii: "1"), UInt8(ascii: "2"): .other("a link")
    case UInt8(ascii: "S"): .other("a sparse file")
    default: .other("a device or a pipe")
    }
  }

  /// Whether the header's sum is that of its bytes, its own field counting as blanks.
  private static func isIntact(_ header: [UInt8]) -> Bool {
    var sum = 0
    for (at, byte) in header.enumerated() {
      sum += (148..<156).contains(at) ? 0x20 : Int(byte)
    }
    return number(header[148..<156]) == sum
  }

  /// A number in octal digits, or in bytes where the first has its highest bit set; nil for others.
  private static func number(_ field: ArraySlice<UInt8>) -> Int? {
    guard let first = field.first else { return nil }
    if first & 0x80 != 0 {
      guard first == 0x80, field.dropFirst().dropLast(8).allSatisfy({ $0 == 0 }) else { return nil }
      return Int(exactly: field.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
    let digits = field.drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }
    guard
      field.drop(while: { $0 == 0x20 }).dropFirst(digits.count)
        .allSatisfy({ $0 == 0x20 || $0 == 0 })
    else { return nil }
    return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
  }

  /// The text of a field, which a zero may end.
  private static func text(_ field: ArraySlice<UInt8>) -> String {
    String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The fields of a pax header, `LENGTH KEY=VALUE` and a line end each.
  private static func fields(_ text: [UInt8]) -> [String: String] {
    var fields: [String: String] = [:]
    var rest = text[...]
    while let blank = rest.firstIndex(of: 0x20),
      let length = Int(String(decoding: rest[..<blank], as: UTF8.self)),
      length > blank - rest.startIndex + 1, length <= rest.count
    {
      let field = rest[(blank + 1)..<(rest.startIndex + length - 1)]
      if let sign = field.firstIndex(of: UInt8(ascii: "=")) {
        fields[String(decoding: field[..<sign], as: UTF8.self)] =
          String(decoding: field[(sign + 1)...], as: UTF8.self)
      }
      rest = rest.dropFirst(length)
    }
    return fields
  }

  /// The bytes of a header that is a member of its own, and the padding behind them.
  private mutating func text(of size: Int) throws(ImportError) -> [UInt8] {
    guard size >= 0, size <= Self.longestText else {
      throw fault("a name of \(size) bytes is too long", at: position)
    }
    let text = try take(size)
    try skip((Self.block - size % Self.block) % Self.block)
    return text
  }

  /// The next bytes; none at the archive's end, where that is allowed.
  private mutating func take(
    _ count: Int, isEndAllowed: Bool = false
  ) throws(ImportError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: max(count, Self.block))
    var filled = 0
    while filled < count {
      let result = bytes.withUnsafeMutableBytes { room in
        Result { () throws(ImportError) in
          try source.read(into: UnsafeMutableRawBufferPointer(rebasing: room[filled..<count]))
        }
      }
      let got = try result.get()
      if got == 0 {
        if filled == 0, isEndAllowed { return [] }
        throw fault("the archive is cut off", at: position + filled)
      }
      filled += got
    }
    position += count
    return Array(bytes.prefix(count))
  }

  /// Passes over bytes.
  private mutating func skip(_ count: Int) throws(ImportError) {
    var left = count
    while left > 0 {
      let piece = min(left, 1 << 16)
      // Some archives lack the padding of their last member.
      if try take(piece, isEndAllowed: left < Self.block).isEmpty { return }
      left -= piece
    }
  }

  private func fault(_ problem: String, at byte: Int) -> ImportError {
    ImportError(
      .malformed, file: source.file, byte: byte, problem: problem,
      remedy: "download or pack the archive again")
  }
}
