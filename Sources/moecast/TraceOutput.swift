import Glibc
import RoutingTrace
import SystemPackage

/// The file a trace is written to: it appears whole, under its name, or not at all.
///
/// Bytes go to a temporary file in the same folder, which takes the name at the end. Pipes, devices
/// and standard output are written directly.
struct TraceOutput {
  /// Where the trace goes.
  let sink: DescriptorSink

  private let path: String
  private let descriptor: FileDescriptor
  /// The temporary file, or nil where bytes go straight to their place.
  private let temporary: String?

  /// - Parameter path: a file, or `-` for standard output. What exists there must be a moecast trace,
  ///   which is replaced, or empty.
  /// - Throws: ``TraceError``.
  init(_ path: String) throws(TraceError) {
    self.path = path
    if path == TraceFile.standardInput {
      descriptor = .standardOutput
      temporary = nil
      sink = DescriptorSink(descriptor, name: "standard output")
      return
    }
    let isPlain = try Self.checkReplaceable(path)
    temporary = isPlain ? path + ".part-\(getpid())" : nil
    do {
      descriptor = try FileDescriptor.open(
        FilePath(temporary ?? path), .writeOnly,
        options: temporary == nil ? .closeOnExec : [.create, .truncate, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    } catch {
      throw TraceError(error as? Errno ?? .ioError, file: path, doing: "write it")
    }
    sink = DescriptorSink(descriptor, name: path)
  }

  /// Makes the trace durable and gives it its name.
  ///
  /// - Throws: ``TraceError``; the temporary file is gone then.
  func commit() throws(TraceError) {
    guard let temporary else { return }
    do {
      guard fsync(descriptor.rawValue) == 0 else { throw Errno(rawValue: errno) }
      try descriptor.close()
      guard rename(temporary, path) == 0 else { throw Errno(rawValue: errno) }
    } catch {
      unlink(temporary)
      throw TraceError(error as? Errno ?? .ioError, file: path, doing: "finish it")
    }
  }

  /// Removes what was written, as far as it went to a file.
  func discard() {
    guard let temporary else { return }
    try? descriptor.close()
    unlink(temporary)
  }

  /// Whether `path` is to become a regular file.
  private static func checkReplaceable(_ path: String) throws(TraceError) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return true }
    let kind = status.st_mode & S_IFMT
    if kind == S_IFIFO || kind == S_IFCHR { return false }
    guard kind == S_IFREG else {
      throw TraceError(
        .access, file: path, problem: "it is a folder or no plain file",
        remedy: "name a file with -o")
    }
    guard status.st_size > 0 else { return true }
    do {
      _ = try TraceReader(try TraceFile(path), name: path)
    } catch {
      throw TraceError(
        .notATrace, file: path, problem: "it exists and is not a moecast trace",
        remedy: "remove it, or name another output with -o")
    }
    return true
  }
}
