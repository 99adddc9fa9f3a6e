import DurableFile
import Glibc
import LZ4Frame
import RoutingTrace
import SystemPackage

/// Where a trace is written to: a file that appears whole under its name or not at all, or a pipe, a
/// device or standard output, which take the bytes as they come.
///
/// Whoever lets go of it without ``commit()`` leaves no file.
final class TraceOutput: ByteSink {
  private var file: DurableFile?
  private let stream: TraceStreamOutput?

  /// - Parameter path: a file, or `-` for standard output. What exists there must be a moecast trace,
  ///   which is replaced at the end, or an empty file.
  /// - Throws: ``TraceError`` or `FileError`.
  init(_ path: String) throws {
    if path == TraceFile.standardInput {
      stream = TraceStreamOutput(.standardOutput, name: "standard output", closes: false)
    } else if try Self.isStream(path) {
      do {
        let descriptor = try FileDescriptor.open(FilePath(path), .writeOnly, options: .closeOnExec)
        stream = TraceStreamOutput(descriptor, name: path, closes: true)
      } catch {
        throw TraceError(error as? Errno ?? .ioError, file: path, doing: "write it")
      }
    } else {
      stream = nil
      file = try DurableFile(replacing: FilePath(path))
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    if let stream { try stream.sink.write(bytes) } else { try file?.append(bytes) }
  }

  /// Brings the trace to the disk and gives it its name.
  ///
  /// - Throws: `FileError`; there is no new file then.
  func commit() throws {
    if let file = file.take() { try file.commit() }
  }

  /// Whether `path` is a FIFO or device, which cannot be replaced.
  ///
  /// - Throws: ``TraceError`` where it is a file of something else.
  private static func isStream(_ path: String) throws(TraceError) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    let kind = status.st_mode & S_IFMT
    if kind == S_IFIFO || kind == S_IFCHR { return true }
    guard kind == S_IFREG, status.st_size > 0 else { return false }
    do {
      _ = try TraceReader(try TraceFile(path), name: path)
    } catch {
      throw TraceError(
        .notATrace, file: path, problem: "it exists and is not a moecast trace",
        remedy: "remove it, or name another output with -o")
    }
    return false
  }
}

/// An open stream of bytes, closed when let go.
private final class TraceStreamOutput {
  let sink: DescriptorSink
  private let descriptor: FileDescriptor
  private let closes: Bool

  init(_ descriptor: FileDescriptor, name: String, closes: Bool) {
    self.descriptor = descriptor
    self.closes = closes
    sink = DescriptorSink(descriptor, name: name)
  }

  deinit { if closes { try? descriptor.close() } }
}
