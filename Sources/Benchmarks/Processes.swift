import Glibc
import RoutingTrace

/// Start of the program and the peak memory of `train` on short and long streams.
func process(
  _ trace: SyntheticTrace, program: String, megabytes: Int, _ rounds: Rounds
) throws -> [ResultRow] {
  let start = try rounds.medians([{ _ = try spawn([program, "--version"]) }], by: .wall)
  var rows = [
    ResultRow(
      what: "start, moecast --version", unit: "ms", ours: start[0] * 1e3, ceiling: 12,
      ceilingName: "the goal", isTime: true)
  ]
  for size in [100, megabytes] {
    let peak = try spawn(
      [program, "train", "-", "--predictor", "layer-markov", "--json"],
      input: (trace.bytes, repeats: size * 1_000_000 / trace.bytes.count + 1))
    rows.append(
      ResultRow(
        what: "peak memory, \(size) MB of chunks, \(trace.name)", unit: "MB",
        ours: Double(peak) / 1e3, ceiling: 300, ceilingName: "the goal", isTime: true))
  }
  return rows
}

/// Runs a program to its end and returns its peak resident memory in KB.
///
/// - Parameter input: what it reads from standard input, so many times.
private func spawn(
  _ arguments: [String], input: (bytes: [UInt8], repeats: Int) = ([], 0)
) throws -> Int {
  var pipes: [Int32] = [0, 0]
  guard pipe(&pipes) == 0, fcntl(pipes[1], F_SETFD, FD_CLOEXEC) == 0 else {
    throw BenchmarkError.failed("no pipe could be made")
  }
  signal(SIGPIPE, SIG_IGN)
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  posix_spawn_file_actions_adddup2(&actions, pipes[0], 0)
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
  defer { posix_spawn_file_actions_destroy(&actions) }
  var argv = arguments.map { strdup($0) }
  argv.append(nil)
  defer { for argument in argv { free(argument) } }
  var process: pid_t = 0
  guard posix_spawn(&process, arguments[0], &actions, nil, argv, environ) == 0 else {
    throw BenchmarkError.failed("\(arguments[0]) does not start; run make build")
  }
  close(pipes[0])
  for _ in 0..<input.repeats {
    var sent = 0
    input.bytes.withUnsafeBytes { bytes in
      while sent < bytes.count {
        let count = write(pipes[1], bytes.baseAddress.map { $0 + sent }, bytes.count - sent)
        if count <= 0 { break }
        sent += count
      }
    }
    if sent < input.bytes.count { break }
  }
  close(pipes[1])
  var status: Int32 = 0
  var usage = rusage()
  guard wait4(process, &status, 0, &usage) == process, status == 0 else {
    throw BenchmarkError.failed("\(arguments.joined(separator: " ")) failed")
  }
  return usage.ru_maxrss
}
