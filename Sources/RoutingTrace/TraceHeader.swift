import FoundationEssentials

/// The first payload of a trace: its shape and what is known of its origin.
///
/// ```swift
/// let header = TraceHeader(shape: shape, provenance: ["source": "mmlu", "format": "npz"])
/// ```
///
/// Wire form, little-endian: magic `MOETRACE`, u16 version, u16 reserved, u32 experts, u16 top-k,
/// u16 MoE layers L, u32 length of the JSON, L u16 model layer numbers, JSON.
public struct TraceHeader: Hashable, Sendable {
  /// The version of the container that is written and read.
  public static let version: UInt16 = 1
  /// Bytes before the layers' numbers.
  static let fixedFields = 24
  /// The first eight bytes of every header.
  static let magic = Array("MOETRACE".utf8)

  /// Layers, experts and top-k of every token of the trace.
  public let shape: TraceShape
  /// Free notes on the origin, such as `source` and `format`; never needed to read the trace.
  public let provenance: [String: String]

  /// A header for traces of `shape`.
  public init(shape: TraceShape, provenance: [String: String] = [:]) {
    self.shape = shape
    self.provenance = provenance
  }

  /// What the header's JSON holds.
  private struct Metadata: Codable {
    var model: String
    var provenance: [String: String]
  }

  /// The wire form of the header.
  func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let json = try encoder.encode(Metadata(model: shape.model, provenance: provenance))
    var bytes = Self.magic
    bytes.append(littleEndian: Self.version)
    bytes.append(littleEndian: UInt16(0))
    bytes.append(littleEndian: UInt32(shape.experts))
    bytes.append(littleEndian: UInt16(shape.topK))
    bytes.append(littleEndian: UInt16(shape.layers))
    bytes.append(littleEndian: UInt32(json.count))
    for layer in shape.modelLayers { bytes.append(littleEndian: UInt16(layer)) }
    bytes.append(contentsOf: json)
    return bytes
  }

  /// Whether a payload begins as headers do.
  static func isHeader(_ payload: UnsafeRawBufferPointer) -> Bool {
    payload.starts(with: magic)
  }

  /// Reads the wire form, every field checked.
  ///
  /// - Parameter model: the model's name in the place of the one that is told; nil to keep that.
  init(decoding payload: UnsafeRawBufferPointer, model: String? = nil) throws(PayloadError) {
    var cursor = ByteCursor(payload)
    guard try cursor.take(8).elementsEqual(Self.magic) else {
      throw PayloadError("it does not begin as a moecast trace does")
    }
    let version = try cursor.take(UInt16.self)
    guard version == Self.version else {
      throw PayloadError(
        "format version \(version) is not known; this program reads version 1",
        remedy: PayloadError.ofLaterVersion)
    }
    guard try cursor.take(UInt16.self) == 0 else { throw PayloadError.reserved }
    let experts = Int(try cursor.take(UInt32.self))
    let topK = Int(try cursor.take(UInt16.self))
    let layers = Int(try cursor.take(UInt16.self))
    let jsonLength = Int(try cursor.take(UInt32.self))
    var modelLayers: [Int] = []
    for _ in 0..<layers { modelLayers.append(Int(try cursor.take(UInt16.self))) }
    let json = try cursor.take(jsonLength)
    guard cursor.remaining == 0 else { throw PayloadError("bytes follow its metadata") }
    guard let metadata = try? JSONDecoder().decode(Metadata.self, from: Data(json)) else {
      throw PayloadError("its metadata is not the JSON expected")
    }
    do throws(ShapeError) {
      let shape = try TraceShape(
        model: model ?? metadata.model, modelLayers: modelLayers, experts: experts, topK: topK)
      self.init(shape: shape, provenance: metadata.provenance)
    } catch {
      throw PayloadError(
        error.description,
        remedy: error.isOfName
          ? "`moecast import --model-name NAME -o NEW.moe.lz4 OLD.moe.lz4` gives it another name"
          : "no trace of such a shape can be read; make it again with one that is possible")
    }
  }
}
