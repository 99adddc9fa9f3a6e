import Archive

/// What a file looks like that is in none of the known formats, and what its owner can do.
struct UnknownContent {
  /// What it is, as a clause for messages.
  let problem: String
  /// What the user can do.
  let remedy: String

  private init(_ problem: String, _ remedy: String) {
    self.problem = problem
    self.remedy = remedy
  }

  /// Looks at the first bytes of a file.
  ///
  /// - Parameters:
  ///   - head: its first bytes, inflated where it is compressed.
  ///   - name: the file's name, without the `.gz` or `.xz` of compressed ones.
  ///   - isCompressed: whether it is.
  init(_ head: [UInt8], fileNamed name: String, isCompressed: Bool) {
    let content = Self.look(head, fileNamed: name)
    let inflated = isCompressed ? ", inflated," : ""
    self.init("the file\(inflated) \(content.problem)", content.remedy)
  }

  /// The program that decompresses what begins with these bytes.
  private static let packers: [(magic: [UInt8], name: String, command: String)] = [
    ([0x28, 0xB5, 0x2F, 0xFD], "Zstandard", "zstd -d"),
    (Array("BZh".utf8), "bzip2", "bzip2 -d"),
    (Compression.gzip.magic, "gzip once more", "gzip -d, twice"),
    (Compression.xz.magic, "xz once more", "xz -d, twice"),
  ]

  private static func look(_ head: [UInt8], fileNamed name: String) -> UnknownContent {
    guard let first = head.first else {
      return UnknownContent("is empty", "record or download it again, or leave it out")
    }
    func begins(_ text: String) -> Bool { head.starts(with: text.utf8) }
    if head.starts(with: [0x04, 0x22, 0x4D, 0x18]) {
      return UnknownContent(
        "is compressed with LZ4, as moecast traces are",
        "leave --shape and --experts out where it is a trace, which is written anew then; else "
          + "decompress it (lz4 -d) and import what that gives")
    }
    for packer in packers where head.starts(with: packer.magic) {
      return UnknownContent(
        "is compressed with \(packer.name)",
        "decompress it (\(packer.command)) and import what that gives")
    }
    if begins("PK\u{3}\u{4}") || begins("PK\u{5}\u{6}") { return archive(head) }
    if head.starts(with: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]) {
      return UnknownContent(
        "is HDF5, as moecast models are",
        "moecast inspect shows a model; of routing in HDF5, save the ids of a request with "
          + "numpy.save(\"1.npy\", h5py.File(PATH)[NAME][:]) and import that")
    }
    if begins("PAR1") {
      return UnknownContent(
        "is a Parquet table",
        "save the ids of a request, [tokens, layers, k], with numpy.save(\"1.npy\", ids) and import "
          + "that; pandas.read_parquet reads the table")
    }
    if first == 0x80, head.count > 1, (2...5).contains(head[1]) { return pickle }
    if head.count > 262, head[257..<262].elementsEqual("ustar".utf8) {
      return UnknownContent("is a tar archive", "unpack it (tar -xf) and name its folder")
    }
    if let encoding = wideEncoding(head) {
      return UnknownContent(
        "is text in \(encoding)",
        "write it as UTF-8 (iconv -f \(encoding) -t UTF-8) and import that")
    }
    return text(head, fileNamed: name)
  }

  /// A zip file that does not begin with a NumPy array.
  private static func archive(_ head: [UInt8]) -> UnknownContent {
    let length = head.count > 30 ? Int(head[26]) | Int(head[27]) << 8 : 0
    let name = String(decoding: head.dropFirst(30).prefix(length), as: UTF8.self)
    if name.hasSuffix(TorchFile.pickleName) { return torchFile }
    guard !name.isEmpty else {
      return UnknownContent("is an empty zip archive", "record or download it again")
    }
    return UnknownContent(
      "is a zip archive that begins with \(name), which is no NumPy array",
      "if it holds a request's arrays, use --format npz; else unpack it (unzip) and name its folder"
    )
  }

  private static let torchFile = UnknownContent(
    "was written by torch.save, in none of the known layouts",
    "save the ids of a request, [tokens, layers, k], with numpy.save(\"1.npy\", ids.numpy()) and "
      + "import that")

  private static let pickle = UnknownContent(
    "is a Python pickle: it can run any code and is never read",
    "save the ids of a request, [tokens, layers, k], with numpy.save(\"1.npy\", ids.numpy()) and "
      + "import that")

  /// The encoding of text whose characters take two bytes or four.
  private static func wideEncoding(_ head: [UInt8]) -> String? {
    if head.starts(with: [0xFF, 0xFE, 0, 0]) || head.starts(with: [0, 0, 0xFE, 0xFF]) {
      return "UTF-32"
    }
    if head.starts(with: [0xFF, 0xFE]) || head.starts(with: [0xFE, 0xFF]) { return "UTF-16" }
    // Without a byte order mark every other byte of plain text is zero.
    let start = Array(head.prefix(8))
    guard start.count >= 4, start.count % 2 == 0 else { return nil }
    let even = stride(from: 0, to: start.count, by: 2)
    let odd = stride(from: 1, to: start.count, by: 2)
    func isText(_ places: StrideTo<Int>) -> Bool {
      places.allSatisfy { isPrintable(start[$0]) && start[$0] < 0x80 }
    }
    if odd.allSatisfy({ start[$0] == 0 }), isText(even) { return "UTF-16LE" }
    if even.allSatisfy({ start[$0] == 0 }), isText(odd) { return "UTF-16BE" }
    return nil
  }

  /// Text of a layout that no format has, or bytes that are no text.
  private static func text(_ head: [UInt8], fileNamed name: String) -> UnknownContent {
    let start = head.drop(while: JSONText.isSpace)
    guard let first = start.first else {
      return UnknownContent("holds nothing but blanks", "record or download it again")
    }
    guard head.prefix(512).allSatisfy(isPrintable) else {
      return UnknownContent(
        "is in none of the known formats, and no text", NearFormats(fileNamed: name).remedy)
    }
    let line = start.prefix { $0 != 0x0A && $0 != 0x0D }
    if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
      let keys = firstKeys(start)
      let list = keys.isEmpty ? "" : " (it begins with the keys \(keys.joined(separator: ", ")))"
      let behind = start.dropFirst(line.count).first { !JSONText.isSpace($0) }
      let isLines = line.last == (first == 0x7B ? 0x7D : 0x5D) && behind == first
      return UnknownContent(
        "is JSON\(isLines ? " lines" : "") of none of the known layouts\(list)",
        NearFormats(ofJSON: head, fileNamed: name).remedy)
    }
    let beginning = String(decoding: line.prefix(60), as: UTF8.self)
    let fields = line.split(separator: 0x2C, omittingEmptySubsequences: false)
    let kind = fields.count > 1 ? "a table of \(fields.count) columns" : "text"
    return UnknownContent(
      "is \(kind) of none of the known layouts, beginning with \"\(beginning)\"",
      NearFormats(ofColumns: fields, fileNamed: name).remedy)
  }

  /// Up to three texts that a colon follows.
  private static func firstKeys(_ text: ArraySlice<UInt8>) -> [String] {
    var keys: [String] = []
    var rest = text.prefix(1024)
    while keys.count < 3, let open = rest.firstIndex(of: 0x22) {
      guard let close = rest[(open + 1)...].firstIndex(of: 0x22) else { break }
      let key = rest[(open + 1)..<close]
      rest = rest[(close + 1)...]
      guard rest.drop(while: JSONText.isSpace).first == UInt8(ascii: ":") else { continue }
      keys.append("\"\(String(decoding: key.prefix(40), as: UTF8.self))\"")
    }
    return keys
  }

  /// Whether a byte stands in text, as UTF-8 or an older encoding has it.
  private static func isPrintable(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte != 0x7F || JSONText.isSpace(byte)
  }
}
