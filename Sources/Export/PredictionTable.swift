import Archive
import Counting
import Demand
import Prequential
import RoutingTrace
import Wafer

/// The wafer's prediction table: which experts a die should keep copies of, as bits.
///
/// The followers of an expert are the best of its row of the token heatmap; a die expects what
/// follows the experts that lie on it, and keeps a copy (`cp_en`) of what it expects most requests
/// for and does not hold (`is_local`), as far as its entries go.
public struct PredictionTable: TableExporter {
  /// The format on the command line.
  public static let name = "prediction-table"

  /// What stands in the file, for people.
  public static let summary = """
    the wafer's prediction table as NumPy's archive, bits little-endian (np.unpackbits with \
    bitorder='little'): row_cp_en [layer, given expert, experts/8], the --top-n followers of each \
    expert; of each die is_local, what it holds, and cp_en, what it copies, [die, layer, experts/8], \
    entries [die, layer, n] the copies ranked, -1 behind the last; needs token-markov in the model.
    """

  /// None: `.npz` is all tables.
  public static let suffixes: [String] = []
  /// Dies, where their experts lie, and how many they expect and hold.
  public static let heeds: Set<ExportOption> = [.devices, .placement, .topN, .copyEntries]

  /// As zip archives do whose first array is the model's name.
  public static func mayBegin(_ head: [UInt8], of file: String) -> Bool {
    ArrayArchive.begins(head, with: firstArray)
  }

  private static let firstArray = "model"

  /// Writes a learner's table; see ``TableExporter``.
  public static func write(
    _ learner: Learner, _ settings: ExportSettings, to output: any ExportOutput
  ) throws {
    let shape = learner.shape
    guard let pairs = PairTable.kept(of: learner).first(where: { $0.back == 0 }) else {
      throw ExportError(
        problem: "the model holds no token heatmap",
        remedy: "train it with --predictors token-markov")
    }
    let dies = settings.devices ?? 25
    let placement = try settings.placement(of: shape, devices: dies)
    let table = FollowerTable(
      TransitionCounts(
        layers: shape.layers, experts: shape.experts, counts: pairs.layers.flatMap(\.self)),
      width: settings.topN ?? 16)
    // No die can copy more than all experts.
    let room = min((settings.copyEntries ?? 512) / shape.layers, shape.experts)
    guard room > 0 else {
      throw ExportError(
        problem: "\(settings.copyEntries ?? 512) entries a die are less than one for each of "
          + "\(shape.layers) layers",
        remedy: "give --copy-entries of one a layer at least")
    }
    let copies = (0..<dies).map { die in
      (0..<shape.layers).map { layer in
        Self.copies(of: layer, on: die, by: table, placement.layers[layer], room: room)
      }
    }
    let sink: (UnsafeRawBufferPointer) throws -> Void = {
      try output.write($0, to: ExportFile.output)
    }
    var archive = ArrayArchive()
    let bytes = (shape.experts + 7) / 8
    try archive.add(firstArray, [shape.model], [], sink)
    try archive.add("experts", [UInt32(shape.experts)], [], sink)
    try archive.add("model_layers", shape.modelLayers.map { UInt32($0) }, [shape.layers], sink)
    try archive.add("top_n", [UInt32(table.width)], [], sink)
    let rows = (0..<shape.layers).flatMap { layer in
      (0..<shape.experts).flatMap { expert in
        bits(table.followers(layer: layer, expert: expert).map(Int.init), of: shape.experts)
      }
    }
    try archive.add(
      "row_cp_en", rows, [shape.layers, shape.experts, bytes], element: .unsigned(bytes: 1), sink)
    let local = (0..<dies).flatMap { die in
      placement.layers.flatMap { holders in
        bits((0..<shape.experts).filter { holders[$0].contains(die) }, of: shape.experts)
      }
    }
    let copied = copies.flatMap { $0.flatMap { bits($0, of: shape.experts) } }
    for (name, values) in [("is_local", local), ("cp_en", copied)] {
      try archive.add(
        name, values, [dies, shape.layers, bytes], element: .unsigned(bytes: 1), sink)
    }
    let entries = copies.flatMap { layers in
      layers.flatMap { own in
        own.map { Int16(truncatingIfNeeded: $0) }
          + [Int16](repeating: -1, count: room - own.count)
      }
    }
    try archive.add("entries", entries, [dies, shape.layers, room], sink)
    try archive.finish(sink)
  }

  /// The experts of a layer that a die copies: of those that follow its own, the most often expected
  /// first, lower ids first among equals.
  private static func copies(
    of layer: Int, on die: Int, by table: FollowerTable, _ holders: Holders, room: Int
  ) -> [Int] {
    var expected = [UInt64](repeating: 0, count: holders.experts)
    for expert in 0..<holders.experts where holders[expert].contains(die) {
      let row = table.transitions.row(layer, expert)
      for follower in table.followers(layer: layer, expert: expert) {
        expected[Int(follower)] += UInt64(row[row.startIndex + Int(follower)])
      }
    }
    let candidates = expected.indices.filter {
      expected[$0] > 0 && !holders[$0].contains(die)
    }
    return Array(
      candidates.sorted { expected[$0] == expected[$1] ? $0 < $1 : expected[$0] > expected[$1] }
        .prefix(room))
  }

  /// A bit an expert, the first in the lowest bit of the first byte.
  private static func bits(_ experts: [Int], of count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: (count + 7) / 8)
    for expert in experts { bytes[expert / 8] |= 1 << (expert % 8) }
    return bytes
  }
}
