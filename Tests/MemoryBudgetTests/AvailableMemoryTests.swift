import Testing

@testable import MemoryBudget

/// What the system says, as files of `/proc` and `/sys`.
@Suite struct AvailableMemoryTests {
  static let machine = ["/proc/meminfo": "MemTotal: 9000000 kB\nMemAvailable:   8000000 kB\n"]

  static func memory(_ files: [String: String], limit: UInt64 = .max) -> AvailableMemory {
    AvailableMemory(addressSpace: limit, pageBytes: 4096) { files[$0] }
  }

  @Test func theMachineIsTheLastBound() {
    let memory = Self.memory(Self.machine)
    #expect(memory.bytes == 8_000_000 * 1024 - AvailableMemory.reserve)
    #expect(memory.bound == "the machine's free memory")
  }

  @Test func anAddressSpaceIsLeftWhatIsNotMapped() {
    var files = Self.machine
    files["/proc/self/statm"] = "1000 500 300 1 0 200 0\n"
    let memory = Self.memory(files, limit: 3_000_000_000)
    #expect(memory.bytes == 3_000_000_000 - 4_096_000 - AvailableMemory.addressSpaceReserve)
    #expect(memory.bound.contains("ulimit -v"))
    // Less than nothing is nothing.
    #expect(Self.memory(files, limit: 1_000_000).bytes == 0)
  }

  /// The tightest of a process's groups counts, whatever the version, files in the cache left out.
  @Test(arguments: [
    (
      "0::/job/step\n",
      [
        "/sys/fs/cgroup/job/step/memory.max": "max\n",
        "/sys/fs/cgroup/job/step/memory.current": "1000000000\n",
        "/sys/fs/cgroup/job/memory.max": "2000000000\n",
        "/sys/fs/cgroup/job/memory.current": "1500000000\n",
        "/sys/fs/cgroup/job/memory.stat": "anon 1000\ninactive_file 100000000\n",
      ]
    ),
    (
      "9:cpu:/x\n4:memory:/job\n0::/\n",
      [
        "/sys/fs/cgroup/memory/job/memory.limit_in_bytes": "2000000000\n",
        "/sys/fs/cgroup/memory/job/memory.usage_in_bytes": "1500000000\n",
        "/sys/fs/cgroup/memory/job/memory.stat": "cache 5\ntotal_inactive_file 100000000\n",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes": "1500000000\n",
      ]
    ),
  ]) func theTightestGroupCounts(_ groups: String, _ files: [String: String]) {
    var files = files.merging(Self.machine) { own, _ in own }
    files["/proc/self/cgroup"] = groups
    let memory = Self.memory(files)
    #expect(memory.bytes == 600_000_000 - AvailableMemory.reserve)
    #expect(memory.bound.contains("control group"))
  }

  @Test func nothingKnownRefusesNothing() throws {
    let memory = Self.memory([:])
    #expect(memory.bytes == nil)
    try memory.check(MemoryDemand("the tables", bytes: .max))
  }

  @Test func thisProcessHasSome() throws {
    let memory = AvailableMemory.ofThisProcess()
    #expect(try #require(memory.bytes) > 0)
  }

  /// The error tells both sizes, and of what would take less only what would fit.
  @Test func aShortageSaysWhatHelps() throws {
    let memory = AvailableMemory(bytes: 3_000_000_000, bound: "the limit")
    let demand = MemoryDemand(
      "the tables", bytes: 12_884_901_888,
      alternatives: [
        .init("--predictors layer-markov", bytes: 4_000_000_000),
        .init("--predictors frequency", bytes: 1_950_000),
      ])
    let error = #expect(throws: MemoryShortage.self) { try memory.check(demand) }
    #expect(
      error?.description
        == "the tables take 13 GB; the limit leaves 3.0 GB; "
        + "use --predictors frequency (2.0 MB), or raise the limit or take a machine with more memory"
    )
    try memory.check(MemoryDemand("the tables", bytes: 3_000_000_000))
    #expect(throws: MemoryShortage.self) {
      try memory.check(MemoryDemand("the tables", bytes: 3_000_000_001))
    }
  }
}
