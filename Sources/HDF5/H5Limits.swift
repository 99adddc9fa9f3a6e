/// Caps on what a file from outside may make its reader allocate.
///
/// A dataset's declared size is checked against `datasetBytes` and against the bytes stored for it
/// before anything is allocated. Deflate expands at most 1,032 times, and HDF5 grows its buffer with
/// the stream, so `chunkBytes` bounds what one hostile chunk costs: about 270 MB as given here.
public struct H5Limits: Hashable, Sendable {
  /// Largest dataset, decoded.
  public var datasetBytes: Int
  /// Largest chunk, decoded.
  public var chunkBytes: Int
  /// Largest attribute.
  public var attributeBytes: Int
  /// Most links in a group and attributes on an object.
  public var links: Int

  public init(
    datasetBytes: Int = 1 << 30, chunkBytes: Int = 256 << 10, attributeBytes: Int = 64 << 10,
    links: Int = 4096
  ) {
    self.datasetBytes = datasetBytes
    self.chunkBytes = chunkBytes
    self.attributeBytes = attributeBytes
    self.links = links
  }
}
