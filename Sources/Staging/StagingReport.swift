/// How expert reads were met and what became of transfers.
///
/// Every read (one a task) is counted once, in `local`, `stagedOnTime`, `stagedLate` or `demand`;
/// every transfer once, as used or wasted.
public struct StagingReport: Codable, Hashable, Sendable {
  /// Read from the die's own HBM: its home, or a copy that was read before.
  public var local = 0
  /// First read of a copy that a transfer had brought, or a read wholly out of the staging buffer.
  public var stagedOnTime = 0
  /// A transfer had brought a part; the rest came on demand.
  public var stagedLate = 0
  /// Read from elsewhere, all of it on demand.
  public var demand = 0
  /// Seconds that the late reads waited for their rest, together: by the bound engine what the rest
  /// takes alone, by the event engine from the first chunk that was not there to the last that
  /// came.
  public var lateSeconds = 0.0
  /// Transfers of which something was read.
  public var transfersUsed = 0
  /// Transfers evicted, cancelled or left over before anybody read from them.
  public var transfersWasted = 0
  /// Bytes that transfers have moved: those used, wasted, and held or under way at the moment.
  public var bytesMoved = 0.0
  /// Bytes of the transfers that were used.
  public var bytesUsed = 0.0
  /// Bytes of those that were not.
  public var bytesWasted = 0.0
  /// Transfers taken back because the forecast changed (they are among the wasted ones if they had
  /// moved anything, and else among neither).
  public var cancelled = 0
  /// Copies made of weights that had just been read on demand.
  public var fills = 0
  /// Bytes that local reads took from the staging buffer in place of HBM.
  public var bufferBytes = 0.0
  /// Seconds that the bound engine adds for chunks of transfers already on their way; the event
  /// engine has them in its order of events.
  public var preemptionSeconds = 0.0

  /// Expert reads of all tasks.
  public var reads: Int { local + stagedOnTime + stagedLate + demand }

  /// Share of the transfers of experts that were not resident that was used.
  public var precision: Double {
    let all = transfersUsed + transfersWasted
    return all > 0 ? Double(transfersUsed) / Double(all) : 0
  }

  /// Share of the reads that found their weights at the die.
  public var coverage: Double {
    reads > 0 ? Double(local + stagedOnTime) / Double(reads) : 0
  }
}
