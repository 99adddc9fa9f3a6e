import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What came of asking the kernel for an open file's lock (`flock`).
enum KernelLock {
  /// The lock is ours until the file is closed, or the process ends however it may.
  case taken
  /// Another open file has it.
  case held
  /// The file system keeps no locks: NFS without a lock service, Lustre mounted `noflock`, some
  /// FUSE.
  case unsupported

  /// Linux's internal ENOTSUPP, which some network file systems let out.
  private static let notSupportedByKernel = Errno(rawValue: 524)

  /// Asks for the lock of `file`, without waiting for it.
  static func take(_ file: FileDescriptor) throws(Errno) -> KernelLock {
    while flock(file.rawValue, LOCK_EX | LOCK_NB) != 0 {
      switch lastErrno() {
      case .interrupted: continue
      case .wouldBlock: return .held
      case .noLocks, .noFunction, .notSupported, notSupportedByKernel:
        return .unsupported
      case let code: throw code
      }
    }
    return .taken
  }
}
