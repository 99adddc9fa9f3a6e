import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a service does on its own, from time to time: samples for its charts, a look at its memory,
/// checkpoints.
public final class Housekeeping: Sendable {
  /// Where samples go.
  public let history: ServiceHistory
  private let service: ForecastService
  /// Seconds between two checkpoints; nil for none but the last.
  private let saveEvery: Double?
  private let isStopping = Atomic(false)
  /// Told of a checkpoint that failed; the next one is tried when its time comes.
  private let complain: @Sendable (String) -> Void

  /// Keeps `service`.
  ///
  /// - Parameters:
  ///   - saveEvery: seconds between two checkpoints, where anything was learnt between them.
  ///   - complain: told of what failed.
  public init(
    of service: ForecastService, saveEvery: Double?, complain: @escaping @Sendable (String) -> Void
  ) {
    self.service = service
    self.saveEvery = saveEvery
    self.complain = complain
    history = ServiceHistory(now: service.clock())
  }

  /// Begins, on threads of its own.
  public func start() {
    _ = startThread { [self] in
      while !isStopping.load(ordering: .relaxed) {
        usleep(1_000_000)
        history.note(ServiceStatus(of: service), now: service.clock())
        service.note(memory: residentBytes())
      }
    }
    guard let saveEvery, service.learns else { return }
    _ = startThread { [self] in
      var last = service.clock()
      while !isStopping.load(ordering: .relaxed) {
        usleep(100_000)
        guard Double(service.clock() - last) >= saveEvery * 1e9 else { continue }
        if service.hasNews {
          do { try service.save() } catch { complain("\(error)") }
        }
        last = service.clock()
      }
    }
  }

  /// Ends; a checkpoint under way is written to its end.
  public func stop() { isStopping.store(true, ordering: .relaxed) }
}

/// Bytes of memory that this process holds; 0 where the system does not say.
func residentBytes() -> Int {
  guard let file = fopen("/proc/self/statm", "r") else { return 0 }
  defer { fclose(file) }
  var total = 0
  var resident = 0
  return withUnsafeMutablePointer(to: &total) { total in
    withUnsafeMutablePointer(to: &resident) { resident in
      withVaList([total, resident]) { vfscanf(file, "%ld %ld", $0) } == 2
    }
  } ? resident * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
}
