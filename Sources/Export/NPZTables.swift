import Archive
import Counting
import Prequential
import RoutingTrace

/// NumPy's archive: `c[l, j]`, `C[l, i, j]`, `D[l, i, j]` as uint32 (the tables that are kept) and
/// `model_layers[l]`.
public enum NPZTables: TableExporter {
  /// The format on the command line, and its suffix.
  public static let name = "npz"

  /// What stands in the file, for people.
  public static let summary = """
    NumPy's archive of uint32 arrays: c[l, j] counts expert j in MoE layer l, C[l, i, j] counts j \
    in layer l after i in the layer before, D[l, i, j] counts j after i at the token before, and \
    model_layers[l] is the model's number of the layer.
    """

  /// How every file of the format begins.
  public static let beginning: [UInt8] = [0x50, 0x4B, 0x03, 0x04]

  /// Hands the bytes of a learner's tables to a sink, piece by piece; see ``TableExporter``.
  public static func write(
    _ learner: Learner, to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let (layers, experts) = (learner.shape.layers, learner.shape.experts)
    let counts = learner.layers.map(\.counts)
    var archive = ZipWriter()
    func add(_ name: String, _ values: [UInt32], shape: [Int]) throws {
      let array = values.withUnsafeBytes {
        NPYArray.file(.unsigned(bytes: 4), shape: shape, elements: $0)
      }
      do { try archive.add(name + ".npy", array, to: sink) } catch is ArchiveError {
        throw ExportError(
          problem: "\(name).npy is over 2 GB, too large for NPZ", remedy: "export CSV instead")
      }
    }
    try add("model_layers", learner.shape.modelLayers.map { UInt32($0) }, shape: [layers])
    try add("c", counts.flatMap(\.frequency), shape: [layers, experts])
    for (name, tables) in [("C", counts.map(\.layerPairs)), ("D", counts.map(\.tokenPairs))] {
      let kept = tables.compactMap(\.self)
      guard kept.count == layers else { continue }
      try add(name, kept.flatMap(\.self), shape: [layers, experts, experts])
    }
    try archive.finish(to: sink)
  }
}
