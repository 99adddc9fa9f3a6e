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
      [program, "train", "-", "--predictors", "layer-markov", "--json"],
      input: (trace.bytes, repeats: size * 1_000_000 / trace.bytes.count + 1))
    rows.append(
      ResultRow(
        what: "peak memory, \(size) MB of chunks, \(trace.name)", unit: "MB",
        ours: Double(peak) / 1e3, ceiling: 300, ceilingName: "the goal", isTime: true))
  }
  return rows
}

/// Runs a program to its end.
///
/// - Parameter input: what it reads from standard input, so many times.
/// - Returns: its peak resident memory in KB, where it has input.
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
  // What wait4 tells counts this very process in, whose memory the new one begins with.
  var peak = 0
  var status: Int32 = 0
  while input.repeats > 0, let own = residentPeak(of: process) {
    peak = max(peak, own)
    usleep(1000)
  }
  guard waitpid(process, &status, 0) == process, status == 0 else {
    throw BenchmarkError.failed("\(arguments.joined(separator: " ")) failed")
  }
  return peak
}

/// The most memory in KB that a process has held so far; nil once it has ended.
private func residentPeak(of process: pid_t) -> Int? {
  guard let file = fopen("/proc/\(process)/status", "r") else { return nil }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 256)
  while fgets(&line, 256, file) != nil {
    let words = String(
      decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self
    )
    .split(whereSeparator: \.isWhitespace)
    if words.first == "VmHWM:", words.count > 1 { return Int(words[1]) }
  }
  return nil
}
