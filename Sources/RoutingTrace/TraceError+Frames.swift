import LZ4Frame

/// What is wrong with a trace's frames, and what helps.
extension TraceError {
  /// How a trace is written anew, in the usual frames, whatever frames it has.
  static let rewriting = "`moecast import -o NEW.moe.lz4 OLD.moe.lz4`"

  /// How the chunks before a fault are kept.
  static let keeping = "keep the chunks before it with `moecast inspect --repair NEW OLD`"

  /// How others' traces become one.
  static let converting = "convert it with `moecast import` and --shape NAME or --experts E"

  /// The error of a file that is something else, or is packed otherwise than in LZ4 frames.
  ///
  /// - Parameter head: its first bytes.
  static func notATrace(_ file: String, head: [UInt8]) -> TraceError {
    let known: [(magic: [UInt8], kind: Kind, problem: String, remedy: String)] = [
      (
        TraceHeader.magic, .reframed, "it is a moecast trace without LZ4 frames",
        "`lz4 -c OLD | moecast import -o NEW.moe.lz4 -` puts it back into frames"
      ),
      (
        [0x02, 0x21, 0x4C, 0x18], .reframed, "it is compressed in LZ4's legacy format",
        "write it anew with `lz4 -dc OLD | lz4 -c | moecast import -o NEW.moe.lz4 -`, if it is a trace"
      ),
      (
        [0x1F, 0x8B], .notATrace, "it is compressed with gzip",
        "decompress it with `gzip -d` where it is a trace, or \(converting)"
      ),
      (
        [0x28, 0xB5, 0x2F, 0xFD], .notATrace, "it is compressed with zstd",
        "decompress it with `zstd -d`, and \(converting) where it is no trace"
      ),
      (
        [0x89, 0x48, 0x44, 0x46], .notATrace,
        "it is an HDF5 file, as models and load profiles are, and no trace: neither tells which "
          + "experts each token took",
        "name a trace (*.moe.lz4); `moecast inspect` shows what it is"
      ),
      (
        [0x04, 0x22, 0x4D, 0x18], .notATrace,
        "it is compressed with LZ4 and holds something else than a moecast trace",
        "decompress it with `lz4 -d`, and \(converting)"
      ),
    ]
    guard let found = known.first(where: { head.starts(with: $0.magic) }) else {
      return TraceError(
        .notATrace, file: file, problem: "it is not a moecast trace", remedy: converting)
    }
    return TraceError(found.kind, file: file, problem: found.problem, remedy: found.remedy)
  }

  /// The error of frames that are not the payloads: the trace was compressed again.
  ///
  /// - Parameters:
  ///   - length: bytes of the payload that the frame begins with, where they are known.
  ///   - count: bytes of the frame.
  static func reframed(
    _ file: String, chunk: Int?, offset: Int, length: Int?, count: Int
  ) -> TraceError {
    let what = chunk == nil ? "header" : "chunk"
    return TraceError(
      .reframed, file: file, chunk: chunk, offset: offset,
      problem: length ?? .max < count
        ? "its frames hold more than a \(what) each: it was recompressed, and no chunk can be "
          + "checked by itself"
        : "a frame holds \(count) " + (length.map { "of the \($0) " } ?? "")
          + "bytes of its \(what): "
          + "the trace was recompressed, or is damaged",
      remedy: "write it anew with \(rewriting)")
  }

  /// A fault in a frame, told of the trace it is in.
  ///
  /// - Parameters:
  ///   - chunk: the ordinal of the chunk that was to be read; nil for the header.
  ///   - head: the first bytes of the file.
  init(_ error: LZ4FrameError, file: String, chunk: Int?, head: [UInt8]) {
    if chunk == nil, error.kind == .notAFrame {
      self = .notATrace(file, head: head)
      return
    }
    let again = "copy or import the file again"
    let kind: Kind
    let remedy: String
    switch error.kind {
    case .truncated:
      kind = .truncated
      remedy = again + (chunk == nil ? "" : ", or \(Self.keeping)")
    case .tooLarge:
      kind = .tooLarge
      remedy =
        "\(Self.rewriting) writes chunks of up to 1 GiB anew as smaller ones, and leaves out what "
        + "is no chunk"
    case .memory:
      kind = .tooLarge
      remedy = "raise the limit of memory (ulimit -v), or take a machine with more"
    case .dictionary:
      kind = .reframed
      remedy =
        "write it anew with `lz4 -dc -D DICTIONARY OLD | lz4 -c | moecast import -o NEW.moe.lz4 -`, "
        + "if it is a trace"
    case .unsupported:
      kind = .corrupt
      remedy = again + ", or compress it with lz4 1.8 or later"
    case .notAFrame, .corrupt:
      kind = .corrupt
      remedy =
        again + (chunk == nil ? "" : ", or \(Self.keeping); nothing was learnt from this one")
    }
    self.init(
      kind, file: file, chunk: chunk, offset: error.offset, problem: error.problem, remedy: remedy)
  }
}
