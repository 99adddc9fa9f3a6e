/// Caps on what a file from outside may make its reader allocate, and on what is written into a new
/// one: with the same limits on both sides, what was written can be read.
///
/// A dataset's declared size is checked against `datasetBytes` and against the bytes stored for it
/// before anything is allocated. Chunks are inflated into a buffer of the chunk's own size, so a
/// decompression bomb costs no more than `chunkBytes`.
public struct H5Limits: Hashable, Sendable {
  /// Largest dataset, decoded.
  public var datasetBytes: Int
  /// All datasets that are read from, or written to, one file, decoded.
  public var totalBytes: Int
  /// Largest chunk, decoded.
  public var chunkBytes: Int
  /// Largest attribute; HDF5 itself stops a little short of 64 KB.
  public var attributeBytes: Int
  /// Most links in a group and attributes on an object.
  public var links: Int

  /// Limits that every model of a known shape keeps; each in the unit that its property says.
  public init(
    datasetBytes: Int = 1 << 30, totalBytes: Int = 4 << 30, chunkBytes: Int = 256 << 10,
    attributeBytes: Int = 64 << 10, links: Int = 4096
  ) {
    self.totalBytes = totalBytes
    self.datasetBytes = datasetBytes
    self.chunkBytes = chunkBytes
    self.attributeBytes = attributeBytes
    self.links = links
  }
}
