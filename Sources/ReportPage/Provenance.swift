/// Where a report's figures come from, for its foot: enough to make the page again.
public struct Provenance: Sendable, Encodable {
  /// A file that was read.
  public struct Input: Hashable, Sendable, Encodable {
    /// Its name, as it was given.
    public var name: String
    /// `trace` or `model`.
    public var kind: String
    /// Its size; nil for a pipe.
    public var bytes: Int?
    /// XXH64 of all of its bytes, as `xxh64sum` prints it; nil for a pipe.
    public var digest: String?
    /// XXH64 of the XXH32 digests of its chunks' payloads, in their order; nil for a model.
    public var chunksDigest: String?

    enum CodingKeys: String, CodingKey {
      case name, kind, bytes
      case digest = "xxh64"
      case chunksDigest = "chunks_digest"
    }

    /// A file that was read.
    public init(
      name: String, kind: String, bytes: Int?, digest: String?, chunksDigest: String? = nil
    ) {
      self.name = name
      self.kind = kind
      self.bytes = bytes
      self.digest = digest
      self.chunksDigest = chunksDigest
    }
  }

  /// The files, in the order in which they were read.
  public var inputs: [Input]
  /// The program and its version.
  public var software: String
  /// The command, as it was given.
  public var command: String
  /// The date that was given; nil where none was: it is never taken from a clock, so that the same
  /// inputs make the same bytes.
  public var date: String?

  /// Where figures come from.
  public init(inputs: [Input], software: String, command: String, date: String?) {
    self.inputs = inputs
    self.software = software
    self.command = command
    self.date = date
  }
}
