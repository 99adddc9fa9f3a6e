import ArgumentParser
import Glibc

/// How many cores a command uses.
struct WorkerOptions: ParsableArguments {
  @Option(help: "Threads; default one a core. The results do not depend on it.")
  var workers: Int?

  /// Threads to use.
  var threads: Int { workers ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  func validate() throws {
    guard workers ?? 1 > 0 else { throw ValidationError("--workers must be at least 1") }
  }
}
