/// Memories, or links, as transfers may use them: when they are idle, and no more than a share of
/// that.
struct IdleServers {
  /// Seconds that a chunk needs of each.
  let chunkSeconds: [Double]
  /// Share of idle time that transfers may take.
  let share: Double
  /// When transfers' last chunk leaves each, and when the next one may take it.
  private var end: [Double]
  private var next: [Double]

  init(chunkSeconds: [Double], share: Double) {
    self.chunkSeconds = chunkSeconds
    self.share = share
    end = Array(repeating: 0, count: chunkSeconds.count)
    next = end
  }

  /// Lets chunks of the last layer hold servers for some seconds more.
  ///
  /// - Parameters:
  ///   - seconds: By server; 0 for those that are free.
  ///   - free: When each server is free, for all that use it.
  mutating func hold(for seconds: [Double], _ free: UnsafeMutablePointer<Double>) {
    for server in seconds.indices where seconds[server] > 0 {
      free[server] = seconds[server]
      end[server] = seconds[server]
    }
  }

  /// Takes an idle server for a chunk.
  ///
  /// - Parameter free: When each server is free, for all that use it.
  /// - Returns: When the chunk is done, or nil if the server is busy.
  @inline(__always)
  mutating func take(
    _ server: Int, at now: Double, _ free: UnsafeMutablePointer<Double>
  ) -> Double? {
    guard retryTime(server, free) <= now else { return nil }
    let done = now + chunkSeconds[server]
    free[server] = done
    end[server] = done
    next[server] = now + chunkSeconds[server] / share
    return done
  }

  /// When a chunk that found the server busy may ask again.
  @inline(__always)
  func retryTime(_ server: Int, _ free: UnsafeMutablePointer<Double>) -> Double {
    max(free[server], next[server])
  }

  /// Seconds after `time` for which chunks still hold each server.
  func held(after time: Double) -> [Double] { end.map { max(0, $0 - time) } }
}
