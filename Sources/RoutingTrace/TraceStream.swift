import LZ4Frame
import PathText
import SystemPackage

/// Traces from files, folders, pipes and standard input as one stream of chunks.
///
/// ```swift
/// var stream = try TraceStream(["monday.moe.lz4", "traces/"])
/// while let chunk = try stream.next() { print(chunk.ordinal, chunk.block.tokens) }
/// print(stream.remarks)   // files that were cut short
/// ```
///
/// A folder stands for its `*.moe.lz4` files at any depth, in natural order. Files are opened one
/// after another; their shapes must agree. Requests are numbered through.
public struct TraceStream {
  /// The suffix by which a folder's traces are known.
  public static let suffix = ".moe.lz4"

  /// The files in the order they are read.
  public let files: [String]
  /// Bytes of all files together, or nil where one of them is a pipe.
  public let size: Int?
  /// The header of the first file.
  public let header: TraceHeader
  /// Compressed bytes taken so far.
  public var bytesRead: Int { bytesOfClosed + (reader?.bytesRead ?? 0) }
  /// What is to be told of the files so far.
  public private(set) var remarks = TraceRemarks()
  /// Chunks handed on.
  public private(set) var chunks = 0

  /// Reads the file that is open.
  private var reader: TraceReader<TraceFile>?
  /// Files that were opened.
  private var position = 0
  /// Bytes of the files that were read to their ends.
  private var bytesOfClosed = 0
  /// What is read of every file, and how.
  private let reading: TraceReading
  private let isCancelled: @Sendable () -> Bool

  /// Finds the files and reads the first header.
  ///
  /// - Parameters:
  ///   - inputs: files, folders, FIFOs, or `-` for standard input.
  ///   - chunks: ordinals of the chunks to read of the one file that `inputs` stand for, found by
  ///     its index; nil for all of all files.
  ///   - reading: what is read of every file, and how.
  ///   - isCancelled: asked while a pipe has nothing to read; see ``TraceFile``.
  /// - Throws: ``TraceError``.
  /// - Complexity: O(names below the folders), sorted.
  public init(
    _ inputs: [String], chunks range: ClosedRange<Int>? = nil,
    reading: TraceReading = TraceReading(),
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws {
    self.isCancelled = isCancelled
    files = try Self.files(of: inputs)
    self.reading = reading
    var size: Int? = 0
    for file in files {
      let bytes = file == StandardStream.dash ? nil : Self.regularSize(file)
      size = size.flatMap { size in bytes.map { size + $0 } }
    }
    let first = files[0]
    let file = try TraceFile(first, isCancelled: isCancelled)
    let reader: TraceReader<TraceFile>
    if let range {
      let part = try Self.part(range, of: file, alone: files.count == 1)
      size = part.bytes
      reader = try TraceReader(
        file, name: file.name, chunks: part.chunks, of: part.index, reading: reading)
    } else {
      reader = try TraceReader(file, name: file.name, reading: reading)
    }
    self.size = size
    header = reader.header
    self.reader = reader
    remarks.add(reader.findings, of: reader.name)
    position = 1
  }

  /// The shape of all files.
  public var shape: TraceShape { header.shape }

  /// The next chunk of the stream, its ordinal counted through all files; nil at the end.
  ///
  /// - Throws: ``TraceError``; the stream is spent after it.
  /// - Complexity: O(bytes of the chunk).
  public mutating func next() throws -> TraceChunk? {
    while true {
      let chunk = try reader?.next()
      if let findings = reader?.findings, let name = reader?.name {
        remarks.add(findings, of: name)
      }
      if let chunk {
        defer { chunks += 1 }
        return TraceChunk(block: chunk.block, checksum: chunk.checksum, ordinal: chunks)
      }
      guard let finished = reader else { return nil }
      if finished.index == nil { remarks.unfinished.append(finished.name) }
      bytesOfClosed += finished.bytesRead
      reader = nil
      guard position < files.count else { return nil }
      let next = try TraceReader(
        TraceFile(files[position], isCancelled: isCancelled),
        name: TraceFile.name(of: files[position]), firstRequest: finished.nextRequest,
        reading: reading)
      guard next.header.shape.isCompatible(with: shape) else {
        throw TraceError(
          .shapeMismatch, file: files[position],
          problem: "it has \(next.header.shape), \(files[0]) has \(shape)",
          remedy: "give traces of one model at a time")
      }
      position += 1
      reader = next
    }
  }

  /// Where a range of chunks lies in the file that it is of.
  ///
  /// - Throws: ``TraceError`` where there are other files too, the file's index is not to be used,
  ///   or it has no such chunks.
  private static func part(
    _ range: ClosedRange<Int>, of file: TraceFile, alone: Bool
  ) throws -> (chunks: Range<Int>, index: TraceIndex, bytes: Int) {
    guard alone else {
      throw TraceError(
        .access, file: file.name,
        problem: "chunks are named of one trace, and others are given too",
        remedy: "name one file")
    }
    let index = try TraceReader.index(of: file, name: file.name)
    guard range.lowerBound >= 0, range.upperBound < index.offsets.count else {
      throw TraceError(
        .access, file: file.name,
        problem: "it has no chunks \(range.lowerBound) to \(range.upperBound), "
          + "but \(index.offsets.count) of them, counted from 0",
        remedy: "name chunks that it has")
    }
    let end =
      range.upperBound + 1 < index.offsets.count
      ? index.offsets[range.upperBound + 1] : file.length
    return (
      range.lowerBound..<range.upperBound + 1, index, end - index.offsets[range.lowerBound]
    )
  }

  /// Bytes of a regular file; nil for anything else.
  private static func regularSize(_ file: String) -> Int? {
    guard let status = try? FilePath(text: file).stat(), status.type == .regular else { return nil }
    return Int(status.size)
  }

  /// The files that `inputs` stand for, in the order they are read.
  ///
  /// - Throws: ``TraceError`` where there is none, or a folder holds none.
  /// - Complexity: O(names below the folders), sorted.
  public static func files(of inputs: [String]) throws(TraceError) -> [String] {
    var files: [String] = []
    for input in inputs {
      let path = FilePath(text: input)
      guard input != StandardStream.dash, (try? path.stat().type) == .directory else {
        files.append(input)
        continue
      }
      let found: [String]
      do { found = try filesBelow(path) } catch {
        throw TraceError(error, file: input, doing: "list it")
      }
      let traces = found.filter { $0.hasSuffix(suffix) }.sorted(by: naturallyPrecedes)
      guard !traces.isEmpty else {
        throw TraceError(
          .notATrace, file: input, problem: "no \(suffix) file is in this folder",
          remedy: "name the files, or \(TraceError.converting) where they are others' traces")
      }
      files.append(contentsOf: traces.map { input + (input.hasSuffix("/") ? "" : "/") + $0 })
    }
    guard !files.isEmpty else {
      throw TraceError(
        .access, file: "no input", problem: "nothing to read", remedy: "name a trace or a folder")
    }
    return files
  }
}
