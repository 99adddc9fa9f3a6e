import Glibc
import LZ4Frame
import PathText
import RoutingTrace
import SystemPackage

/// Where the trace goes that a ``LiveForecaster`` records: a file of its own, or nowhere.
///
/// The file grows chunk by chunk under its name: a process that is killed leaves the whole chunks,
/// and readers say that the index is missing.
final class RecordingFile: ByteSink {
  private let path: String
  /// The open file; nil for nowhere, or when it is closed.
  private var descriptor: FileDescriptor?

  /// Keeps nothing.
  init() { path = "" }

  /// Creates the file.
  ///
  /// - Throws: `RoutingTrace/TraceError` where it cannot be created; a file that is there is never
  ///   replaced.
  init(creating path: String) throws(TraceError) {
    self.path = path
    do {
      descriptor = try FileDescriptor.open(
        FilePath(text: path), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    } catch {
      throw TraceError(error as? Errno ?? .ioError, file: path, for: .writing, doing: "create it")
    }
  }

  deinit { try? descriptor?.close() }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard let descriptor else { return }
    do { try descriptor.writeAll(bytes) } catch {
      throw TraceError(error as? Errno ?? .ioError, file: path, for: .writing, doing: "write it")
    }
  }

  /// Brings the file to the disk and closes it.
  func close() throws {
    guard let descriptor = descriptor.take() else { return }
    do {
      guard fsync(descriptor.rawValue) == 0 else { throw Errno(rawValue: errno) }
      try descriptor.close()
    } catch {
      throw TraceError(error as? Errno ?? .ioError, file: path, for: .writing, doing: "close it")
    }
  }
}
