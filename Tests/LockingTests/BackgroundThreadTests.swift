import Locking
import Testing

@Suite struct BackgroundThreadTests {
  /// Jobs are done in their order, and a turn comes behind those before it.
  @Test func jobsAndTurnsKeepTheirOrder() throws {
    let thread = try BackgroundThread(niceness: 5)
    let done = Guarded<[Int]>([])
    for job in 0..<1000 {
      thread.async { done.withLock { $0.append(job) } }
      if job % 100 == 99 {
        #expect(thread.sync { done.withLock { $0.count } } == job + 1)
      }
    }
    #expect(thread.sync { done.withLock { $0 } } == Array(0..<1000))
  }

  /// While somebody has a turn, no job is done and nobody else has one.
  @Test func oneTurnAtATime() async throws {
    let thread = try BackgroundThread(niceness: 0)
    let inside = Guarded(0)
    let most = Guarded(0)
    let enter: @Sendable () -> Void = {
      let now = inside.withLock { count in
        count += 1
        return count
      }
      most.withLock { $0 = max($0, now) }
      inside.withLock { $0 -= 1 }
    }
    await withTaskGroup { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<200 {
            thread.async(enter)
            thread.sync(enter)
          }
        }
      }
    }
    #expect(most.withLock { $0 } == 1)
  }

  /// What a turn throws reaches its caller, and the thread goes on.
  @Test func aTurnMayThrow() throws {
    struct Problem: Error {}
    let thread = try BackgroundThread(niceness: 5)
    #expect(throws: Problem.self) { try thread.sync { throw Problem() } }
    #expect(thread.sync { 7 } == 7)
  }

  /// Jobs handed in before the last owner lets go are done all the same.
  @Test func jobsOutliveTheirOwner() async throws {
    let done = AsyncStream<Int>.makeStream()
    do {
      let thread = try BackgroundThread(niceness: 5)
      for job in 0..<10 { thread.async { done.continuation.yield(job) } }
      thread.async { done.continuation.finish() }
    }
    var seen: [Int] = []
    for await job in done.stream { seen.append(job) }
    #expect(seen == Array(0..<10))
  }
}
