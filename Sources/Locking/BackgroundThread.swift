#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A thread that does one job after another, in the order in which they come, behind everything
/// else that wants the processor.
///
/// ```swift
/// let thread = BackgroundThread(niceness: 5)
/// thread.async { learn(tokens) }
/// let model = thread.sync { learner }   // when all before it is done
/// ```
///
/// A thread of its own rather than a queue: its priority can be its own, and who hands it a job
/// while it works makes no call into the system.
public final class BackgroundThread: Sendable {
  private let shared: Shared

  /// - Parameter niceness: how much it stands back, added to that of the process; 0 to 19.
  /// - Throws: ``ThreadError`` where the process may have no thread more.
  public init(niceness: Int32) throws(ThreadError) {
    shared = Shared()
    try shared.start(niceness: niceness)
  }

  /// Has `job` done soon.
  public func async(_ job: @escaping @Sendable () -> Void) {
    shared.withLock { shared.append(.work(job)) }
  }

  /// Waits until everything before is done, then calls `body` on the caller's own thread, while
  /// nothing else is done.
  ///
  /// - Throws: what `body` throws.
  /// - Precondition: not called from a job.
  public func sync<Result>(_ body: () throws -> Result) rethrows -> Result {
    shared.withLock {
      let ticket = shared.tickets
      shared.tickets += 1
      shared.append(.turn(ticket))
      while shared.turn != ticket { shared.wait(shared.turnChanged) }
    }
    defer {
      shared.withLock {
        shared.turn = nil
        pthread_cond_broadcast(shared.turnChanged)
      }
    }
    return try body()
  }

  deinit { shared.withLock { shared.append(.end) } }

  /// What the thread is told to do.
  private enum Job {
    case work(@Sendable () -> Void)
    /// Lets the caller with this ticket do something, and waits for it.
    case turn(UInt64)
    case end
  }

  /// What both sides look at; the thread keeps it alive until it ends.
  private final class Shared: @unchecked Sendable {
    // Unchecked: everything below is touched inside the lock.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let jobCame = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    let turnChanged = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var jobs: [Job] = []
    /// Tickets given to callers of `sync`.
    var tickets: UInt64 = 0
    /// The ticket of the caller whose turn it is; nil while it is nobody's.
    var turn: UInt64?

    init() {
      mutex.initialize(to: pthread_mutex_t())
      pthread_mutex_init(mutex, nil)
      for condition in [jobCame, turnChanged] {
        condition.initialize(to: pthread_cond_t())
        pthread_cond_init(condition, nil)
      }
    }

    deinit {
      for condition in [jobCame, turnChanged] {
        pthread_cond_destroy(condition)
        condition.deallocate()
      }
      pthread_mutex_destroy(mutex)
      mutex.deallocate()
    }

    func withLock<Result>(_ body: () -> Result) -> Result {
      pthread_mutex_lock(mutex)
      defer { pthread_mutex_unlock(mutex) }
      return body()
    }

    /// - Precondition: the lock is held, here and in ``wait(_:)``.
    func append(_ job: Job) {
      jobs.append(job)
      pthread_cond_signal(jobCame)
    }

    func wait(_ condition: UnsafeMutablePointer<pthread_cond_t>) {
      pthread_cond_wait(condition, mutex)
    }

    func start(niceness: Int32) throws(ThreadError) {
      let own = Unmanaged.passRetained(Entry(shared: self, niceness: niceness))
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { raw in
          guard let raw else { return nil }
          let entry = Unmanaged<Entry>.fromOpaque(raw).takeRetainedValue()
          // 0 is the calling thread. Who may not stand back works as usual.
          let kind = __priority_which_t(bitPattern: PRIO_PROCESS.rawValue)
          _ = setpriority(kind, 0, getpriority(kind, 0) + entry.niceness)
          entry.shared.work()
          return nil
        }, own.toOpaque())
      guard status == 0 else {
        own.release()
        throw ThreadError(code: status)
      }
      pthread_detach(thread)
    }

    private func work() {
      while true {
        let todo = withLock {
          while jobs.isEmpty { wait(jobCame) }
          var todo: [Job] = []
          swap(&todo, &jobs)
          return todo
        }
        for job in todo {
          switch job {
          case .work(let body): body()
          case .turn(let ticket):
            withLock {
              turn = ticket
              pthread_cond_broadcast(turnChanged)
              while turn != nil { wait(turnChanged) }
            }
          case .end: return
          }
        }
      }
    }
  }

  /// What the thread begins with.
  private final class Entry {
    let shared: Shared
    let niceness: Int32

    init(shared: Shared, niceness: Int32) {
      self.shared = shared
      self.niceness = niceness
    }
  }
}

/// The system gives the process no thread more.
public struct ThreadError: Error, Hashable, CustomStringConvertible {
  /// The system's error number.
  public var code: Int32

  /// One sentence with a remedy.
  public var description: String {
    "the system gives this process no thread more (error \(code)); raise its limit (ulimit -u)"
  }
}
