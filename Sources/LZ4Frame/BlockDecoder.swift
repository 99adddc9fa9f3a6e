/// Decodes one LZ4 block (LZ4 block format, 2022-07-31) and hashes behind itself what it has
/// decoded.
///
/// Decoding waits for its own bytes, token after token, and XXH32 for its own lanes: done together,
/// the hash is nearly free. Only blocks that keep the rules for encoders are taken; about all
/// others liblz4 decides, so that exactly what it accepts is accepted.
struct BlockDecoder {
  /// Bytes on both sides that a short sequence may touch from where it begins.
  private static let margin = 160
  /// Literals up to this length are copied in one go, whatever their length.
  private static let shortLiterals = 64
  /// The hash stays this far behind, so that it does not wait for bytes on their way to the cache.
  private static let lag = 512
  /// Sequences without hashing, where the hash has caught up.
  private static let pause = 128

  /// What is still to be decoded.
  private var input: UnsafeRawPointer
  /// The block's end.
  private let inputEnd: UnsafeRawPointer
  /// Where the next byte goes.
  private var output: UnsafeMutableRawPointer
  /// Where the content begins: how far back a match may reach.
  private let outputStart: UnsafeMutableRawPointer
  /// Where the room ends.
  private let outputEnd: UnsafeMutableRawPointer

  /// Decodes `block` to `content[at...]`, of which `room` bytes exist.
  ///
  /// - Parameter hashed: what is hashed of the content before; more of it afterwards.
  /// - Returns: how many bytes it holds; nil where liblz4 is to be asked, `hashed` as it was.
  static func decode(
    _ block: UnsafeRawBufferPointer, into content: UnsafeMutableRawPointer, at: Int, room: Int,
    hashed: inout PartialHash
  ) -> Int? {
    guard let input = block.baseAddress, room > 0 else { return nil }
    var decoder = BlockDecoder(
      input: input, inputEnd: input + block.count, output: content + at,
      outputStart: content + at, outputEnd: content + at + room)
    var front = hashed
    var last = Outcome.next
    while last == .next {
      decoder.runShort(content, &front)
      last = decoder.copyAny()
    }
    guard last == .end else { return nil }
    hashed = front
    return decoder.output - decoder.outputStart
  }
}

extension BlockDecoder {
  /// Takes short sequences as long as there are some, well before both ends, and hashes a stripe
  /// with each.
  private mutating func runShort(_ content: UnsafeMutableRawPointer, _ hashed: inout PartialHash) {
    guard inputEnd - input > Self.margin, outputEnd - output > Self.margin else { return }
    let (inputBound, outputBound) = (inputEnd - Self.margin, outputEnd - Self.margin)
    var (from, to) = (input, output)
    var hash = hashed.hash
    var front = UnsafeRawPointer(content + hashed.count)
    var left = 0
    while left == 0 {
      left = max(0, (UnsafeRawPointer(to) - front &- Self.lag) / XXH32.stripe)
      if left > 0 {
        while left > 0, from < inputBound, to < outputBound,
          Self.copyShort(&from, &to, since: outputStart)
        {
          hash.update(stripe: front)
          front += XXH32.stripe
          left &-= 1
        }
      } else {
        left = Self.pause
        while left > 0, from < inputBound, to < outputBound,
          Self.copyShort(&from, &to, since: outputStart)
        {
          left &-= 1
        }
      }
    }
    (input, output) = (from, to)
    hashed = PartialHash(hash: hash, count: front - UnsafeRawPointer(content))
  }

  /// Takes a sequence, ``margin`` bytes being there on both sides; false, with nothing taken, where
  /// it is not a short one.
  ///
  /// Lengths are had by arithmetic: whether one goes on is hard to foretell.
  @inline(__always)
  private static func copyShort(
    _ input: inout UnsafeRawPointer, _ output: inout UnsafeMutableRawPointer,
    since start: UnsafeMutableRawPointer
  ) -> Bool {
    let token = Int(input.load(as: UInt8.self))
    let second = Int(input.load(fromByteOffset: 1, as: UInt8.self))
    // Masks, all ones where a length goes on in the next byte, else zero: arithmetic instead of
    // branches.
    let isLong = (0xEF &- token) &>> 63
    let isLongMatch = (14 &- token & 15) &>> 63
    let literals = token &>> 4 &+ second & isLong
    guard literals <= shortLiterals else { return false }
    let from = input + (1 &- isLong)
    copy(SIMD16<UInt8>.self, from, output)
    copy(SIMD16<UInt8>.self, from + 16, output + 16)
    copy(SIMD16<UInt8>.self, from + 32, output + 32)
    copy(SIMD16<UInt8>.self, from + 48, output + 48)
    let behind = from + literals
    let to = output + literals
    let offset = Int(UInt16(littleEndian: behind.loadUnaligned(as: UInt16.self)))
    let third = Int(behind.load(fromByteOffset: 2, as: UInt8.self))
    let length = token & 15 &+ third & isLongMatch &+ 4
    // A match that overlaps its own output is copied in steps no longer than its offset, so that
    // each step reads bytes already written.
    let step = min(offset, 16)
    guard length <= 2 &* step, offset <= to - start else { return false }
    let match = UnsafeRawPointer(to) - offset
    copy(SIMD16<UInt8>.self, match, to)
    copy(SIMD16<UInt8>.self, match + step, to + step)
    input += (3 &- isLong &- isLongMatch) &+ literals
    output = to + length
    return true
  }

  /// Copies as many bytes as the vector holds.
  @inline(__always)
  private static func copy<Bytes: SIMD>(
    _: Bytes.Type, _ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer
  ) {
    to.storeBytes(of: from.loadUnaligned(as: Bytes.self), as: Bytes.self)
  }
}

extension BlockDecoder {
  /// What became of a sequence.
  private enum Outcome {
    /// Another sequence follows.
    case next
    /// The block ends here as it should.
    case end
    /// A rule for encoders is broken.
    case broken
  }

  /// A token and as many literals follow a match at least, and no match begins in the last 12
  /// bytes.
  private static let lastLiterals = 5
  private static let lastMatch = 12

  /// Takes a sequence of any length, every length checked.
  @inline(never)
  private mutating func copyAny() -> Outcome {
    guard input < inputEnd else { return .broken }
    let token = Int(input.load(as: UInt8.self))
    input += 1
    guard let literals = length(token &>> 4), literals <= inputEnd - input,
      literals <= outputEnd - output
    else { return .broken }
    output.copyMemory(from: input, byteCount: literals)
    input += literals
    output += literals
    if input == inputEnd { return .end }
    guard inputEnd - input >= 3 + Self.lastLiterals, outputEnd - output >= Self.lastMatch else {
      return .broken
    }
    let offset = Int(UInt16(littleEndian: input.loadUnaligned(as: UInt16.self)))
    input += 2
    guard offset > 0, offset <= output - outputStart, let more = length(token & 15),
      inputEnd - input > Self.lastLiterals,
      more + 4 <= outputEnd - output - Self.lastLiterals
    else { return .broken }
    repeatMatch(offset, more + 4)
    return .next
  }

  /// A length whose part in the token is `nibble`.
  private mutating func length(_ nibble: Int) -> Int? {
    guard nibble == 15 else { return nibble }
    var length = nibble
    while input < inputEnd {
      let byte = Int(input.load(as: UInt8.self))
      input += 1
      length += byte
      if byte < 255 { return length }
    }
    return nil
  }

  /// Copies `length` bytes from `offset` behind, its own ones where they overlap.
  private mutating func repeatMatch(_ offset: Int, _ length: Int) {
    let match = UnsafeRawPointer(output - offset)
    var done = 0
    while done < length {
      // The bytes from `match` on repeat with period `offset`, and what can be copied at once grows
      // with every copy.
      let count = min(offset + done, length - done)
      (output + done).copyMemory(from: match, byteCount: count)
      done += count
    }
    output += length
  }
}
