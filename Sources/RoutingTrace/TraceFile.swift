import LZ4Frame
import SystemPackage

/// A file, pipe or standard input as a source of bytes; closed when let go.
public final class TraceFile: ByteSource {
  /// The name used for standard input on the command line and in ``open(_:)``.
  public static let standardInput = "-"

  /// What to call this source in messages.
  public let name: String
  /// Bytes of the whole file where it is a regular one; nil for pipes.
  public let size: Int?
  private let descriptor: FileDescriptor
  private let closes: Bool

  /// Opens `path`, or standard input for `-`. A FIFO blocks until somebody writes to it.
  ///
  /// - Throws: ``TraceError`` of kind `access`.
  public init(_ path: String) throws(TraceError) {
    if path == Self.standardInput {
      name = "standard input"
      descriptor = .standardInput
      closes = false
    } else {
      name = path
      closes = true
      do {
        descriptor = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
      } catch {
        throw TraceError(error as? Errno ?? .ioError, file: path, doing: "open it")
      }
    }
    let status = try? descriptor.stat()
    size = status.flatMap { $0.type == .regular ? Int($0.size) : nil }
  }

  deinit {
    if closes { try? descriptor.close() }
  }

  /// Fills the front of `buffer`; see ``ByteSource``.
  ///
  /// - Throws: ``TraceError`` of kind `access`.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    do {
      return try descriptor.read(into: buffer)
    } catch {
      throw TraceError(error as? Errno ?? .ioError, file: name, doing: "read it")
    }
  }
}

/// An open file descriptor as a sink of bytes; the owner of the descriptor closes it.
public struct DescriptorSink: ByteSink {
  private let descriptor: FileDescriptor
  private let name: String

  /// - Parameter name: what to call the file in messages.
  public init(_ descriptor: FileDescriptor, name: String) {
    self.descriptor = descriptor
    self.name = name
  }

  /// Writes all of `bytes`.
  ///
  /// - Throws: ``TraceError`` of kind `access`.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    do {
      _ = try descriptor.writeAll(bytes)
    } catch {
      throw TraceError(error as? Errno ?? .ioError, file: name, doing: "write it")
    }
  }
}
