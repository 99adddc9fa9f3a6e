/// What is to be told of the files of a stream beside their chunks, each of them once.
public struct TraceRemarks: Hashable, Sendable, CustomStringConvertible {
  /// Names of the files that ended without an index: cut short, or still being written.
  public internal(set) var unfinished: [String] = []
  /// Names of the files of which a frame has no checksum.
  public internal(set) var unchecked: [String] = []
  /// Names of the files whose frames are not their chunks.
  public internal(set) var recut: [String] = []

  /// Nothing is to be told.
  public init() {}

  /// Adds what a file's frames told, once.
  mutating func add(_ findings: FrameFindings, of file: String) {
    if findings.lacksChecksums, unchecked.last != file { unchecked.append(file) }
    if findings.isRecut, recut.last != file { recut.append(file) }
  }

  /// A line a remark, with the file's name before it.
  public var lines: [String] {
    unchecked.map {
      "\($0): its frames have no checksums; it is held against the rules of the container "
        + "only, which not every damage breaks"
    }
      + recut.map {
        "\($0): it was recompressed, its frames are not its chunks"
      }
      + unfinished.map { "\($0): no index at its end; it was cut short or is still being written" }
  }

  /// The lines.
  public var description: String { lines.joined(separator: "\n") }
}
