#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Why a socket cannot be opened: which, what is wrong, and what to do.
public struct SocketError: Error, Hashable, CustomStringConvertible {
  /// One line for people.
  public var description: String

  init(_ path: String, _ problem: String, _ remedy: String) {
    description = "\(path): \(problem); \(remedy)"
  }

  /// A call of the system that failed.
  init(_ path: String, doing what: String) {
    self.init(
      path, "cannot \(what) (\(String(cString: strerror(errno))))",
      "name another path with --socket, in a folder of your own")
  }
}

/// A listening Unix socket: its file, which only its owner may use, is removed when it goes.
struct UnixSocket: ~Copyable {
  /// The system's number of it.
  let descriptor: Int32
  private let path: String
  /// The file's number, by which it is known again.
  private let node: UInt64

  /// Listens at `path`. A socket that nobody listens to any more is replaced, and nothing else.
  ///
  /// - Throws: ``SocketError``.
  init(listeningAt path: String, backlog: Int32 = 128) throws(SocketError) {
    try Self.removeLeftover(path)
    let descriptor = try Self.open(path)
    var keeps = false
    defer { if !keeps { close(descriptor) } }
    // From its first moment only the owner may connect: bind gives the file what fchmod has said.
    guard fchmod(descriptor, S_IRUSR | S_IWUSR) == 0 else {
      throw SocketError(path, doing: "protect the socket")
    }
    let bound = try Self.withAddress(path) { bind(descriptor, $0, $1) }
    guard bound == 0 else { throw SocketError(path, doing: "bind the socket") }
    guard chmod(path, S_IRUSR | S_IWUSR) == 0, listen(descriptor, backlog) == 0 else {
      unlink(path)
      throw SocketError(path, doing: "listen at the socket")
    }
    keeps = true
    self.descriptor = descriptor
    self.path = path
    node = Self.node(of: path) ?? 0
  }

  deinit {
    close(descriptor)
    // Another service may have taken the place meanwhile.
    if Self.node(of: path) == node { unlink(path) }
  }

  private static func open(_ path: String) throws(SocketError) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw SocketError(path, doing: "make a socket") }
    return descriptor
  }

  private static func removeLeftover(_ path: String) throws(SocketError) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      throw SocketError(path, "it is a file, and no socket", "name another path with --socket")
    }
    let descriptor = try open(path)
    defer { close(descriptor) }
    guard try withAddress(path, { connect(descriptor, $0, $1) }) != 0 else {
      throw SocketError(
        path, "another service listens there", "stop it first, or name another path with --socket")
    }
    guard errno == ECONNREFUSED, unlink(path) == 0 else {
      throw SocketError(path, doing: "replace the socket that stands there")
    }
  }

  private static func node(of path: String) -> UInt64? {
    var status = stat()
    return lstat(path, &status) == 0 ? UInt64(status.st_ino) : nil
  }

  /// Lends the address of `path`.
  private static func withAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) throws(SocketError) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard path.utf8.count < room, !path.utf8.contains(0) else {
      throw SocketError(
        path, "a socket's path has at most \(room - 1) bytes", "name a shorter one with --socket")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}
