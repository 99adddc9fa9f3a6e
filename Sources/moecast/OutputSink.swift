import ArgumentParser
import DurableFile
import Glibc
import LZ4Frame
import ModelFile
import PathText
import RoutingTrace
import SystemPackage

/// `--force`, for every command that writes a file.
struct ForceOption: ParsableArguments {
  @Flag(help: "Replace the output even where it is a file of another kind.")
  var force = false
}

/// Where a command's file is written to: a file that appears whole under its name or not at all, or
/// a pipe, a device or standard output, which take the bytes as they come.
///
/// Whoever lets go of it without ``commit()`` leaves no file. A model that is replaced by force
/// keeps a generation.
final class OutputSink: ByteSink {
  private var file: DurableFile?
  private let stream: OpenStream?

  /// - Parameters:
  ///   - path: a file, or `-` for standard output.
  ///   - rule: what may be replaced.
  ///   - isBinary: whether no terminal can show it; what looks so later is stopped then.
  /// - Throws: `FileError`.
  init(_ path: String, _ rule: OutputRule, isBinary: Bool = false) throws(FileError) {
    if path == StandardStream.dash {
      guard !isBinary || isatty(STDOUT_FILENO) != 1 else { throw FileError.noTerminal }
      stream = OpenStream(.standardOutput, path: "standard output", closes: false)
    } else if Self.isStream(path) {
      do {
        let descriptor = try FileDescriptor.open(
          FilePath(text: path), .writeOnly, options: .closeOnExec)
        stream = OpenStream(descriptor, path: FilePath(text: path), closes: true)
      } catch {
        throw FileError(
          FilePath(text: path), .open, "cannot be opened", code: error as? Errno ?? .ioError)
      }
    } else {
      stream = nil
      // A model becomes a generation, which replaces the one before it.
      try rule.check(FilePath(text: path), keeping: Checkpoint.isModel(path) ? 1 : 0)
      file = try DurableFile(replacing: FilePath(text: path))
    }
  }

  /// - Throws: `FileError`, or ``ReaderIsGone`` where the other end of a pipe was closed.
  func write(_ bytes: UnsafeRawBufferPointer) throws {
    if let stream { try stream.write(bytes) } else { try file?.append(bytes) }
  }

  /// Writes all of `bytes`; see ``write(_:)-(UnsafeRawBufferPointer)``.
  func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

  /// Brings the file to the disk and gives it its name.
  ///
  /// - Throws: `FileError`; there is no new file then.
  func commit() throws(FileError) {
    try stream?.finish()
    try file.take()?.commit(
      keeping: 1,
      isWorthKeeping: { Checkpoint.isModel($0.text) && Checkpoint.isWorthKeeping($0.text) })
  }

  /// Whether `path` is a FIFO or device, which cannot be replaced.
  private static func isStream(_ path: String) -> Bool {
    guard let kind = try? FilePath(text: path).stat().type else { return false }
    return kind == .fifo || kind == .characterSpecial || kind == .socket
  }
}

/// The reader at the other end of a pipe has seen enough: the end of the command, and no failure.
struct ReaderIsGone: Error {}

extension FileError {
  /// Bytes that are no text were to go to a terminal.
  fileprivate static var noTerminal: FileError {
    FileError(
      "standard output", .write, "is a terminal, and what goes there is no text", code: nil,
      remedy: "send it to a file (-o FILE) or into a pipe")
  }
}

/// An open stream of bytes, closed when let go.
private final class OpenStream {
  private let descriptor: FileDescriptor
  private let path: FilePath
  private let closes: Bool
  private let isTerminal: Bool

  /// - Parameters:
  ///   - path: what it is called in errors.
  ///   - closes: whether it is ours to close.
  init(_ descriptor: FileDescriptor, path: FilePath, closes: Bool) {
    self.descriptor = descriptor
    self.path = path
    self.closes = closes
    isTerminal = isatty(descriptor.rawValue) == 1
  }

  /// - Throws: `FileError`, or ``ReaderIsGone`` where nobody reads any more.
  func write(_ bytes: UnsafeRawBufferPointer) throws {
    if isTerminal, bytes.contains(where: { $0 < 0x20 && !"\t\n\r".utf8.contains($0) }) {
      throw FileError.noTerminal
    }
    do { _ = try descriptor.writeAll(bytes) } catch {
      guard let code = error as? Errno, code != .brokenPipe else { throw ReaderIsGone() }
      throw FileError(lostOn: path, code)
    }
  }

  /// - Throws: `FileError` where something was lost.
  func finish() throws(FileError) {
    if let code = descriptor.errorOfClosing() { throw FileError(lostOn: path, code) }
  }

  deinit { if closes { try? descriptor.close() } }
}
