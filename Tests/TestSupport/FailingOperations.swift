import DurableFile
import SystemPackage

/// The system's calls, of which one can be told to fail.
///
/// Steps are counted over all calls but `close`; step 1 is the first. For one test at a time.
public final class FailingOperations: FileOperations {
  /// What happens at the chosen step.
  public enum Fault {
    /// The call fails with this error and does nothing.
    case failure(Errno)
    /// A write takes only this many bytes and says so.
    case shortWrite(Int)
    /// The process ends there and then, as by SIGKILL, and the call is not made.
    case kill
  }

  private let system = SystemFileOperations()
  private let fault: Fault
  private let first: Int
  private let last: Int
  private var chosen: String?
  /// The calls made so far, by name.
  public private(set) var calls: [String] = []

  /// The faulty steps are `first` and those that follow, `times` of them.
  public init(_ fault: Fault, atStep first: Int, times: Int = 1) {
    self.fault = fault
    self.first = first
    self.last = first - 1 + times
  }

  /// Every call of this name fails.
  public convenience init(_ fault: Fault, everywhereIn call: String) {
    self.init(fault, atStep: 0, times: 0)
    chosen = call
  }

  /// Nothing fails; the calls are counted.
  public convenience init() { self.init(.failure(.ioError), atStep: 0, times: 0) }

  private func step(_ name: String) throws(Errno) {
    calls.append(name)
    let isInRange = last >= first && (first...last).contains(calls.count)
    guard isInRange || chosen == name else { return }
    switch fault {
    case .failure(let code): throw code
    case .shortWrite: return
    case .kill: endAtOnce()
    }
  }

  public func create(
    _ path: FilePath, permissions: FilePermissions
  ) throws(Errno) -> FileDescriptor {
    try step("create")
    return try system.create(path, permissions: permissions)
  }

  public func open(_ path: FilePath) throws(Errno) -> FileDescriptor {
    try step("open")
    return try system.open(path)
  }

  public func write(
    _ bytes: UnsafeRawBufferPointer, to file: FileDescriptor
  ) throws(Errno) -> Int {
    try step("write")
    if case .shortWrite(let count) = fault, first <= calls.count, calls.count <= last {
      return try system.write(UnsafeRawBufferPointer(rebasing: bytes.prefix(count)), to: file)
    }
    return try system.write(bytes, to: file)
  }

  public func read(
    _ bytes: UnsafeMutableRawBufferPointer, from file: FileDescriptor
  ) throws(Errno) -> Int {
    try step("read")
    return try system.read(bytes, from: file)
  }

  public func synchronize(_ file: FileDescriptor) throws(Errno) {
    try step("synchronize")
    try system.synchronize(file)
  }

  public func close(_ file: FileDescriptor) throws(Errno) { try system.close(file) }

  public func rename(_ old: FilePath, to new: FilePath) throws(Errno) {
    try step("rename")
    try system.rename(old, to: new)
  }

  public func link(_ old: FilePath, to new: FilePath) throws(Errno) {
    try step("link")
    try system.link(old, to: new)
  }

  public func remove(_ path: FilePath) throws(Errno) {
    try step("remove")
    try system.remove(path)
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

private func endAtOnce() -> Never {
  kill(getpid(), SIGKILL)
  while true { pause() }
}
