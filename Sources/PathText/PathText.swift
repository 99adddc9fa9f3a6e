import SystemPackage

/// Paths as text and back, byte for byte.
///
/// A path on Linux is bytes, a `String` is Unicode. Bytes of a name that are no UTF-8 stand in the
/// text as one scalar each, U+10FF00 + byte, in a plane for private use; so do the bytes of a
/// scalar of that range itself, which makes the way back exact for every name. All other names are
/// their own text.
///
/// ```swift
/// let path = FilePath(text: arguments[1])   // what the user named, whatever its bytes
/// print(path.text)                          // the same text
/// ```
extension FilePath {
  /// The path whose ``text`` this is; it ends at a NUL, as it does for the system.
  ///
  /// - Complexity: O(bytes of the text).
  public init(text: String) {
    var bytes: [CInterop.PlatformChar] = []
    for scalar in text.unicodeScalars {
      if escapes.contains(scalar.value) {
        bytes.append(CInterop.PlatformChar(bitPattern: UInt8(scalar.value & 0xFF)))
      } else {
        bytes += UTF8.encode(scalar).map { $0.map { CInterop.PlatformChar(bitPattern: $0) } } ?? []
      }
    }
    // A NUL ends a path for the system, and so here.
    bytes.append(0)
    self = bytes.withUnsafeBufferPointer { bytes in
      bytes.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
    }
  }

  /// The path as text, from which ``init(text:)`` makes the same bytes.
  public var text: String {
    withPlatformString { pointer in
      var bytes: [UInt8] = []
      var position = 0
      // The platform's string ends with a zero.
      while pointer[position] != 0 {
        bytes.append(UInt8(bitPattern: pointer[position]))
        position += 1
      }
      return pathText(bytes)
    }
  }
}

/// The text of a path of these bytes; see `FilePath.text`.
///
/// - Complexity: O(bytes).
public func pathText(_ bytes: [UInt8]) -> String {
  if let text = String(validating: bytes, as: UTF8.self),
    !text.unicodeScalars.contains(where: { escapes.contains($0.value) })
  {
    return text
  }
  var text = String.UnicodeScalarView()
  var position = 0
  while position < bytes.count {
    let scalar = firstScalar(bytes[position...])
    if let scalar, !escapes.contains(scalar.value) {
      text.append(scalar)
      position += UTF8.width(scalar)
    } else {
      text.append(Unicode.Scalar(UInt32(bytes[position]) + escapes.lowerBound) ?? "?")
      position += 1
    }
  }
  return String(text)
}

/// The byte that a scalar of a path's text stands for; nil for scalars that stand for themselves.
public func escapedByte(_ scalar: Unicode.Scalar) -> UInt8? {
  escapes.contains(scalar.value) ? UInt8(scalar.value & 0xFF) : nil
}

/// The program's arguments as texts of paths, its own name left out: what a command line parser is
/// to be given.
public func argumentTexts() -> [String] {
  let arguments = UnsafeBufferPointer(
    start: CommandLine.unsafeArgv, count: Int(CommandLine.argc))
  return arguments.dropFirst().compactMap { $0.map { FilePath(platformString: $0) } }.map(\.text)
}

/// The scalars that stand for bytes.
private let escapes: ClosedRange<UInt32> = 0x10FF00...0x10FFFF

/// The scalar that well-formed UTF-8 begins with; nil where it is none.
private func firstScalar(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
  for width in 1...4 where width <= bytes.count {
    if let text = String(validating: bytes.prefix(width), as: UTF8.self) {
      return text.unicodeScalars.first
    }
  }
  return nil
}
