import Archive
import Glibc
import PathText
import SystemPackage

/// The bytes of a file or pipe as its writer meant them: inflated where it begins as gzip or xz data
/// does, whatever it is called, and without the byte order mark that some programs put before UTF-8.
///
/// All that is read of foreign files comes through here, so that what is recognised is what is
/// read. Memory: 64 KiB and zlib's or liblzma's state where it is inflated, nothing otherwise.
final class PlainBytes {
  /// What to call it in messages.
  let file: String
  /// Whether it is compressed.
  var isCompressed: Bool { inflater != nil }
  /// Bytes of the byte order mark before the first byte that is handed out.
  private(set) var markLength = 0

  /// Where bytes come from.
  private enum Origin {
    /// A file that is closed with this object.
    case own(FileDescriptor)
    /// A file or pipe that stays open.
    case lent(FileDescriptor)
    /// What was read already, as far as it was handed out.
    case memory(FileBytes, at: Int)
  }

  private var origin: Origin
  private var isBegun = false
  /// Inflates, where it is compressed.
  private var inflater: (any Inflater)?
  /// Room for compressed data, and the part of it that waits to be inflated.
  private var packed = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var waiting = 0..<0

  private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
  /// Bytes that tell how data is compressed.
  private static let longestMagic = 6
  /// Bytes that are looked at first, and compressed data read at a time.
  private static let piece = 1 << 16

  /// Opens the file at `path`.
  init(_ path: String) throws(ImportError) {
    file = path
    do {
      origin = .own(
        try FileDescriptor.open(FilePath(text: path), .readOnly, options: .closeOnExec))
    } catch {
      throw ImportError(error as? Errno ?? .ioError, file: path, doing: "open it")
    }
  }

  /// Reads from `descriptor`, which stays open.
  ///
  /// - Parameter file: what to call it in messages.
  init(_ descriptor: FileDescriptor, file: String) {
    self.file = file
    origin = .lent(descriptor)
  }

  /// Hands out again what was read into `content`.
  ///
  /// - Parameter isPlain: whether what may be taken away was; else it is looked for.
  init(_ content: FileBytes, file: String, isPlain: Bool = true) {
    self.file = file
    origin = .memory(content, at: 0)
    isBegun = isPlain
  }

  /// The bytes of `found`, from memory where it was read already.
  convenience init(_ found: FoundFile) throws(ImportError) {
    if let content = found.content {
      self.init(content, file: found.path)
    } else {
      try self.init(found.path)
    }
  }

  deinit {
    packed.deallocate()
    if case .own(let descriptor) = origin { try? descriptor.close() }
  }

  /// Fills the beginning of `room`, which has space for a magic number at least; returns how
  /// many bytes, 0 at the end.
  func read(into room: UnsafeMutableRawBufferPointer) throws(ImportError) -> Int {
    if isBegun { return try next(into: room) }
    isBegun = true
    precondition(room.count >= Self.longestMagic, "the caller's buffer is larger")
    var count = try begin(
      UnsafeMutableRawBufferPointer(rebasing: room.prefix(Self.piece)), Self.longestMagic
    ) { (room) throws(ImportError) in try raw(into: room) }
    if let compression = Compression(of: room.prefix(count)) {
      packed = .allocate(byteCount: Self.piece, alignment: 1)
      packed.copyMemory(from: UnsafeRawBufferPointer(rebasing: room.prefix(count)))
      waiting = 0..<count
      do throws(InflaterError) { inflater = try compression.inflater() } catch {
        throw fault(error)
      }
      count = try begin(room, Self.mark.count) { (room) throws(ImportError) in try next(into: room)
      }
    }
    if room.prefix(count).starts(with: Self.mark) {
      markLength = Self.mark.count
      count -= markLength
      if let start = room.baseAddress { memmove(start, start + markLength, count) }
      if count == 0 { return try next(into: room) }
    }
    return count
  }

  /// The first bytes, `count` at most.
  func head(_ count: Int) throws(ImportError) -> [UInt8] {
    var problem: ImportError?
    let bytes = [UInt8](unsafeUninitializedCapacity: max(count, Self.mark.count)) { room, filled in
      do throws(ImportError) {
        while filled < room.count {
          let got = try read(
            into: UnsafeMutableRawBufferPointer(
              UnsafeMutableBufferPointer(rebasing: room[filled...])))
          if got == 0 { break }
          filled += got
        }
      } catch {
        // What came before the fault may tell what it is; whoever reads it meets the fault again.
        if filled == 0 { problem = error }
      }
    }
    if let problem { throw problem }
    return bytes
  }

  /// Reads until there are `least` bytes, enough to see how the data begins, or no more.
  private func begin(
    _ room: UnsafeMutableRawBufferPointer, _ least: Int,
    reading read: (UnsafeMutableRawBufferPointer) throws(ImportError) -> Int
  ) throws(ImportError) -> Int {
    var count = 0
    while count < least {
      let got = try read(UnsafeMutableRawBufferPointer(rebasing: room[count...]))
      if got == 0 { break }
      count += got
    }
    return count
  }

  /// The next bytes, inflated where they are compressed; 0 at the end.
  private func next(into room: UnsafeMutableRawBufferPointer) throws(ImportError) -> Int {
    guard let inflater else { return try raw(into: room) }
    while true {
      if waiting.isEmpty { waiting = 0..<(try raw(into: packed)) }
      do throws(InflaterError) {
        if waiting.isEmpty {
          try inflater.finish()
          return 0
        }
        let (taken, filled) = try inflater.inflate(
          UnsafeRawBufferPointer(rebasing: packed[waiting]), into: room)
        waiting = waiting.lowerBound + taken..<waiting.upperBound
        if filled > 0 { return filled }
      } catch {
        throw fault(error)
      }
    }
  }

  /// The next bytes as they stand in the file or pipe; 0 at the end.
  private func raw(into room: UnsafeMutableRawBufferPointer) throws(ImportError) -> Int {
    switch origin {
    case .own(let descriptor), .lent(let descriptor):
      do {
        return try descriptor.read(into: room)
      } catch {
        throw ImportError(error as? Errno ?? .ioError, file: file, doing: "read it")
      }
    case .memory(let content, let at):
      let bytes = UnsafeRawBufferPointer(rebasing: content.bytes[at...].prefix(room.count))
      room.copyMemory(from: bytes)
      origin = .memory(content, at: at + bytes.count)
      return bytes.count
    }
  }

  /// A fault of compressed data as one of the file.
  private func fault(_ error: InflaterError) -> ImportError {
    ImportError(
      error.byte == nil ? .tooLarge : .malformed, file: file, byte: error.byte,
      problem: error.problem, remedy: error.remedy)
  }
}
