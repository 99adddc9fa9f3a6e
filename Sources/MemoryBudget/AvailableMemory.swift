import Glibc

/// How much more memory this process can have, as far as the system says so.
///
/// ```swift
/// try AvailableMemory.ofThisProcess().check(
///   MemoryDemand("the tables of mixture", bytes: 3 << 30))
/// ```
///
/// The least of what the address space's limit (`ulimit -v`) leaves, what the control groups above
/// the process leave (containers, Slurm, systemd), and what the machine has without swapping. What
/// is asked for beyond it ends in an abort or in the kernel killing something, so it is refused
/// before.
public struct AvailableMemory: Hashable, Sendable {
  /// What a process takes beside its tables, in bytes: chunks and what is made of them.
  static let reserve = 64 << 20
  /// The same of its address space, where every thread has room of its own that it hardly uses.
  static let addressSpaceReserve = 320 << 20

  /// Bytes that can still be had; nil where nothing is known, and nothing is refused.
  public var bytes: Int?
  /// What sets the bound, for messages: `the limit of the address space (ulimit -v)`.
  public var bound: String

  /// An amount that is known, as in tests; nil where nobody knows.
  public init(bytes: Int?, bound: String = "this run") {
    self.bytes = bytes.map { max(0, $0) }
    self.bound = bound
  }

  /// What this process can have now, read from `/proc` and `/sys`.
  public static func ofThisProcess() -> AvailableMemory {
    var limit = rlimit()
    let hasLimit = getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0
    return AvailableMemory(
      addressSpace: hasLimit ? UInt64(limit.rlim_cur) : .max, pageBytes: Int(getpagesize()),
      text: Self.text(of:))
  }

  /// - Parameters:
  ///   - addressSpace: the limit of the address space, `UInt64.max` for none.
  ///   - pageBytes: bytes of a page, in which `/proc` counts.
  ///   - text: the content of a file of `/proc` or `/sys`, nil where there is none.
  init(addressSpace: UInt64, pageBytes: Int, text: (String) -> String?) {
    var least = AvailableMemory(bytes: nil)
    func consider(_ bytes: Int?, _ bound: String) {
      guard let bytes, bytes < least.bytes ?? .max else { return }
      least = AvailableMemory(bytes: bytes, bound: bound)
    }
    if let limit = Int(exactly: addressSpace), limit < 1 << 60,
      let pages = text("/proc/self/statm")?.split(separator: " ").first.flatMap({ Int($0) })
    {
      consider(
        limit - pages * pageBytes - Self.addressSpaceReserve + Self.reserve,
        "the limit of the address space (ulimit -v)")
    }
    for group in ControlGroup.ofThisProcess(text) {
      consider(group.left(text), "the control group's limit")
    }
    let machine = text("/proc/meminfo").flatMap { Self.value(of: "MemAvailable:", in: $0) }
    consider(machine.map { $0 * 1024 }, "the machine's free memory")
    self.init(bytes: least.bytes.map { $0 - Self.reserve }, bound: least.bound)
  }

  /// The number behind `key` in lines of keys and numbers.
  static func value(of key: String, in text: String) -> Int? {
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count > 1, words[0] == key { return Int(words[1]) }
    }
    return nil
  }

  /// A small file's content, nil where it cannot be read.
  private static func text(of path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(file, &bytes, bytes.count)
    return count >= 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
  }
}
