import Glibc
import LZ4Frame
import PathText
import SystemPackage

/// A file, pipe or standard input as a source of bytes for a ``TraceReader``; it is closed when its
/// last owner lets go.
///
/// ```swift
/// let file = try TraceFile("trace.moe.lz4")
/// var reader = try TraceReader(file, name: file.name)
/// ```
public final class TraceFile: ByteSource {
  /// What to call this source in messages.
  public let name: String
  /// Bytes of the whole file where it is a regular one; nil for pipes.
  public let size: Int?
  /// The open file.
  private let descriptor: FileDescriptor
  /// Whether the descriptor is this object's to close; standard input's is not.
  private let closes: Bool
  /// Whether whoever waits for a pipe is to stop.
  private let isCancelled: @Sendable () -> Bool

  /// Opens `path`, or standard input for `-`. A FIFO blocks until somebody writes to it.
  ///
  /// - Parameter isCancelled: asked a few times a second while a pipe has nothing to read, so that
  ///   one who waits for it can be told to stop.
  /// - Throws: ``TraceError`` of kind `access`.
  public init(
    _ path: String, isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws(TraceError) {
    self.isCancelled = isCancelled
    name = Self.name(of: path)
    if path == StandardStream.dash {
      descriptor = .standardInput
      closes = false
    } else {
      closes = true
      do {
        descriptor = try FileDescriptor.open(FilePath(text: path), .readOnly, options: .closeOnExec)
      } catch {
        throw TraceError(error as? Errno ?? .ioError, file: path, doing: "open it")
      }
    }
    let status = try? descriptor.stat()
    size = status.flatMap { $0.type == .regular ? Int($0.size) : nil }
  }

  /// What to call the source `path` in messages.
  public static func name(of path: String) -> String {
    path == StandardStream.dash ? "standard input" : path
  }

  deinit {
    if closes { try? descriptor.close() }
  }

  /// Fills the front of `buffer` and returns how many bytes it put there, 0 only at the end.
  ///
  /// - Throws: ``TraceError`` of kind `access`; `CancellationError` where it was cancelled while it
  ///   waited.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    if size == nil { try waitForBytes() }
    do {
      return try descriptor.read(into: buffer)
    } catch {
      throw TraceError(error as? Errno ?? .ioError, file: name, doing: "read it")
    }
  }

  /// Waits until a pipe has something to read, and looks out for cancelling.
  private func waitForBytes() throws(CancellationError) {
    var request = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    while poll(&request, 1, 200) <= 0 {
      if isCancelled() { throw CancellationError() }
    }
  }
}

extension TraceFile: SeekableSource {
  /// Bytes of the whole file; 0 where it is a pipe.
  public var length: Int { size ?? 0 }

  /// Lets the next read begin at byte `offset`.
  ///
  /// - Throws: ``TraceError`` of kind `access`, for pipes too.
  public func seek(to offset: Int) throws {
    guard size != nil else {
      throw TraceError(
        .access, file: name, problem: "it is a pipe, of which no part can be read by itself",
        remedy: "save it as a file, or read it from its beginning")
    }
    do {
      try descriptor.seek(offset: Int64(offset), from: .start)
    } catch {
      throw TraceError(error as? Errno ?? .ioError, file: name, doing: "go to byte \(offset) of it")
    }
  }
}

/// An open file descriptor as a sink of bytes for a ``TraceWriter``; the owner of the descriptor
/// closes it.
public struct DescriptorSink: ByteSink {
  /// The file that is written to.
  private let descriptor: FileDescriptor
  private let name: String

  /// A sink that writes to `descriptor`.
  ///
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
      throw TraceError(error as? Errno ?? .ioError, file: name, for: .writing, doing: "write it")
    }
  }
}
