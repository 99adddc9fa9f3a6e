import Archive

/// A NumPy archive being written, an array at a time.
struct ArrayArchive {
  private var archive = ZipWriter()

  /// Whether a file begins as an archive does whose first array has this name.
  static func begins(_ head: [UInt8], with name: String) -> Bool {
    // The member's name follows the 30 bytes of a zip's local header.
    head.starts(with: [0x50, 0x4B, 0x03, 0x04])
      && head.dropFirst(30).starts(with: Array("\(name).npy".utf8))
  }

  /// Adds numbers; a shape of no axes is a single one.
  ///
  /// - Throws: what `sink` throws, or ``ExportError``.
  mutating func add<Value: ArrayElement>(
    _ name: String, _ values: [Value], _ shape: [Int],
    _ sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try values.withUnsafeBytes { try add(name, Value.element, shape, $0, sink) }
  }

  /// Adds numbers that Swift keeps as the bits of another type.
  mutating func add<Bits: BitwiseCopyable>(
    _ name: String, _ values: [Bits], _ shape: [Int], element: NPYArray.Element,
    _ sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try values.withUnsafeBytes { try add(name, element, shape, $0, sink) }
  }

  /// Adds texts.
  mutating func add(
    _ name: String, _ texts: [String], _ shape: [Int],
    _ sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let width = max(1, texts.map(\.unicodeScalars.count).max() ?? 1)
    let characters = texts.flatMap { text in
      text.unicodeScalars.map(\.value)
        + repeatElement(0, count: width - text.unicodeScalars.count)
    }
    try characters.withUnsafeBytes {
      try add(name, .text(characters: width), shape, $0, sink)
    }
  }

  /// Adds a predictor's array.
  mutating func add(
    _ array: StateArrays.Array, under name: String,
    _ sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let name = name + "/" + array.name
    switch array.values {
    case .words(let values): try add(name, values, array.shape, sink)
    case .counts(let values): try add(name, values, array.shape, sink)
    case .numbers(let values): try add(name, values, array.shape, sink)
    case .weights(let values): try add(name, values, array.shape, sink)
    case .texts(let values): try add(name, values, array.shape, sink)
    }
  }

  private mutating func add(
    _ name: String, _ element: NPYArray.Element, _ shape: [Int], _ bytes: UnsafeRawBufferPointer,
    _ sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let array = NPYArray.file(element, shape: shape, elements: bytes)
    do { try archive.add(name + ".npy", array, to: sink) } catch is ArchiveError {
      throw ExportError(
        problem: "\(name).npy is over 2 GB, too large for NPZ",
        remedy: "choose another format, or a smaller input")
    }
  }

  /// Writes the archive's end.
  mutating func finish(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
    try archive.finish(to: sink)
  }
}

/// A number that NumPy's arrays have.
protocol ArrayElement: BitwiseCopyable {
  static var element: NPYArray.Element { get }
}

extension Int16: ArrayElement { static var element: NPYArray.Element { .signed(bytes: 2) } }
extension UInt32: ArrayElement { static var element: NPYArray.Element { .unsigned(bytes: 4) } }
extension UInt64: ArrayElement { static var element: NPYArray.Element { .unsigned(bytes: 8) } }
extension Int32: ArrayElement { static var element: NPYArray.Element { .signed(bytes: 4) } }
extension Float: ArrayElement { static var element: NPYArray.Element { .float(bytes: 4) } }
extension Double: ArrayElement { static var element: NPYArray.Element { .float(bytes: 8) } }
