/// A control group that limits memory, of either version of the interface.
struct ControlGroup: Hashable {
  /// Its folder.
  let folder: String
  /// Name of the file that holds the limit.
  private let limit: String
  /// Name of the file that says what is in use.
  private let usage: String
  /// The key, in the group's statistics, of what is in use but could be given back at once.
  private let reclaimable: String

  /// The groups that this process is in, from its own up to the root's: each of them can be the
  /// tightest.
  ///
  /// In a container the path may be the host's, of which only the root is mounted; so the root is
  /// last.
  static func ofThisProcess(_ text: (String) -> String?) -> [ControlGroup] {
    let lines = text("/proc/self/cgroup")?.split(separator: "\n") ?? []
    return lines.flatMap { line -> [ControlGroup] in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { return [] }
      if fields[0] == "0", fields[1].isEmpty {
        return folders("/sys/fs/cgroup", fields[2]).map {
          ControlGroup(
            folder: $0, limit: "memory.max", usage: "memory.current", reclaimable: "inactive_file")
        }
      }
      guard fields[1].split(separator: ",").contains("memory") else { return [] }
      return folders("/sys/fs/cgroup/memory", fields[2]).map {
        ControlGroup(
          folder: $0, limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes",
          reclaimable: "total_inactive_file")
      }
    }
  }

  /// The group's folder and those above it, up to the root's.
  private static func folders(_ root: String, _ path: Substring) -> [String] {
    let names = path.split(separator: "/")
    return (0...names.count).reversed().map { ([root] + names.prefix($0)).joined(separator: "/") }
  }

  /// Bytes that the group may still take; nil where it has no limit.
  func left(_ text: (String) -> String?) -> Int? {
    func number(_ name: String) -> Int? {
      text("\(folder)/\(name)").flatMap { Int($0.split(separator: "\n").first ?? "") }
    }
    // Version 1 says "none" by a number near 2^63, version 2 by "max".
    guard let limit = number(limit), limit < 1 << 60, let usage = number(usage) else { return nil }
    let cache = text("\(folder)/memory.stat").flatMap {
      AvailableMemory.value(of: reclaimable, in: $0)
    }
    return limit - usage + (cache ?? 0)
  }
}

extension [String] {
  fileprivate static func + (left: [String], right: ArraySlice<Substring>) -> [String] {
    left + right.map(String.init)
  }
}
