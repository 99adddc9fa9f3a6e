#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A value that one thread at a time may touch.
///
/// ```swift
/// let count = Guarded(0)
/// count.withLock { $0 += 1 }
/// ```
///
/// A POSIX mutex rather than the standard library's, which is a bare futex that the thread
/// sanitizer does not know.
public final class Guarded<Value>: @unchecked Sendable {
  // Unchecked: `value` is only touched inside the lock.
  /// The lock.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  /// What the lock guards.
  private var value: Value

  /// Guards `value`.
  public init(_ value: Value) {
    self.value = value
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
  }

  /// Lends the value to `body`, one thread at a time.
  ///
  /// - Throws: what `body` throws.
  public func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }
}
