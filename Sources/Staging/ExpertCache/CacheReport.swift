/// How well a cache met a stream of expert reads.
public struct CacheReport: Hashable, Sendable {
  /// Experts asked for, by each layer of each step once.
  public var reads = 0
  /// Experts asked for that were in the cache.
  public var hits = 0
  /// Experts brought before they were asked for.
  public var prefetches = 0
  /// Experts of these that were read before they left.
  public var prefetchesUsed = 0

  /// Hits a read.
  public var hitRate: Double { reads > 0 ? Double(hits) / Double(reads) : 0 }

  /// Experts brought ahead a read.
  public var prefetchTraffic: Double { reads > 0 ? Double(prefetches) / Double(reads) : 0 }

  /// Experts brought: misses and prefetches.
  public var brought: Int { reads - hits + prefetches }

  /// Share of the prefetched experts, none of which was resident, that was read.
  public var precision: Double {
    prefetches > 0 ? Double(prefetchesUsed) / Double(prefetches) : 0
  }

  /// Experts brought into the cache a read: misses and prefetches.
  public var traffic: Double {
    reads > 0 ? Double(brought) / Double(reads) : 0
  }
}
