import DurableFile
import FoundationEssentials
import ModelFile
import PathText
import Synchronization
import SystemPackage

/// Results that a long run keeps in a file as they come, so that the same run goes on from them.
///
/// ```swift
/// let kept = try KeptResults<Sweep.Row>("sweep.kept", of: "sweep", fingerprint: options)
/// run(earlier: kept.earlier) { kept.add($0) }
/// try kept.finish()
/// ```
///
/// The file is JSON lines: what it is of, then a line each time that something is done. A line that
/// was cut by a crash is taken away. Two runs do not write to one file: `FileLock` sees to it.
final class KeptResults<Row: Codable & Sendable>: Sendable {
  /// What earlier runs have done.
  let earlier: [Row]

  private struct Head: Codable, Equatable {
    /// What kind of results follow.
    var moecast: String
    /// A digest of everything that the results depend on.
    var of: String
  }

  private let path: String
  private let descriptor: FileDescriptor
  private let lock: FileLock
  private let failure = Mutex<FileError?>(nil)

  /// Opens the file, or makes it.
  ///
  /// - Parameters:
  ///   - kind: the run's name.
  ///   - fingerprint: everything that decides the results, as text.
  /// - Throws: `FileError`, also where another run is writing to it, or ``KeptResultsError`` where the file holds something else.
  init(_ path: String, of kind: String, fingerprint: String) throws {
    self.path = path
    let head = Head(
      moecast: kind,
      of: String(xxh64(Array("\(ModelHeader.software) \(fingerprint)".utf8)), radix: 16))
    lock = try FileLock(of: FilePath(text: path))
    do {
      descriptor = try FileDescriptor.open(
        FilePath(text: path), .readWrite, options: [.create, .closeOnExec],
        permissions: FilePermissions(rawValue: 0o666))
    } catch {
      throw FileError(
        FilePath(text: path), .open, "cannot be opened", code: error as? Errno ?? .ioError)
    }
    do {
      let bytes = try firstBytes(of: FilePath(text: path), count: 1 << 30)
      let (earlier, end) = try Self.read(bytes, head, path)
      self.earlier = earlier
      try descriptor.resize(to: Int64(end))
      try descriptor.seek(offset: 0, from: .end)
      if end == 0 { try Self.write(JSONEncoder().encode(head), to: descriptor) }
    } catch {
      try? descriptor.close()
      throw error
    }
  }

  deinit { try? descriptor.close() }

  /// Keeps rows that are done; what goes wrong is told by ``finish()``, when the work is done.
  func add(_ rows: [Row]) {
    failure.withLock { failure in
      guard failure == nil else { return }
      do { try Self.write(JSONEncoder().encode(rows), to: descriptor) } catch {
        failure = FileError(
          FilePath(text: path), .write, "cannot be written", code: error as? Errno ?? .ioError)
      }
    }
  }

  /// Says whether everything was kept.
  ///
  /// - Throws: `FileError` where something was not.
  func finish() throws { if let failure = failure.withLock({ $0 }) { throw failure } }

  /// The rows in a file's bytes, and how many of these are whole lines.
  private static func read(
    _ bytes: [UInt8], _ head: Head, _ path: String
  ) throws -> (rows: [Row], end: Int) {
    guard !bytes.isEmpty else { return ([], 0) }
    var rows: [Row] = []
    var end = 0
    var isHead = true
    while let feed = bytes[end...].firstIndex(of: 0x0A) {
      let line = Data(bytes[end..<feed])
      if isHead {
        guard let found = try? JSONDecoder().decode(Head.self, from: line) else { break }
        guard found == head else {
          throw KeptResultsError(
            path: path,
            problem: found.moecast == head.moecast
              ? "it holds results of other options, traces or another version; repeat those, or "
                + "name another file"
              : "it holds results of \(found.moecast), not of \(head.moecast); name another file")
        }
        isHead = false
      } else {
        guard let line = try? JSONDecoder().decode([Row].self, from: line) else { break }
        rows += line
      }
      end = feed + 1
    }
    guard !isHead else {
      throw KeptResultsError(
        path: path, problem: "it is there and holds no results of a run; name another file")
    }
    return (rows, end)
  }

  private static func write(_ line: Data, to descriptor: FileDescriptor) throws {
    _ = try descriptor.writeAll(line + [0x0A])
  }
}

/// A file of kept results that cannot be used.
struct KeptResultsError: Error, CustomStringConvertible {
  let path: String
  let problem: String

  var description: String { "\(path): \(problem)" }
}
