import LZ4Frame

/// Keeps what is written in memory that is used again in the next round, as a file's pages are.
final class ReusedSink: ByteSink {
  private(set) var bytes: [UInt8] = []

  func emptied() -> ReusedSink {
    bytes.removeAll(keepingCapacity: true)
    return self
  }

  func write(_ bytes: UnsafeRawBufferPointer) { self.bytes.append(contentsOf: bytes) }
}
