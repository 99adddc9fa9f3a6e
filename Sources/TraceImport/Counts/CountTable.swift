/// Counts of experts by window and layer, as they come in.
struct CountTable {
  private let file: String
  /// Experts of a layer, once they are known.
  private(set) var experts: Int?
  /// `[expert]` by window and layer.
  private var rows: [Int64: [Int: [UInt64]]] = [:]

  /// Counts that are held at most: 1 GB.
  static let most = 1 << 27
  private var held = 0

  init(file: String) { self.file = file }

  /// Adds the counts of all experts of a layer in a window.
  ///
  /// - Throws: ``ImportError`` where another layer has another number of experts, or there are too
  ///   many counts.
  mutating func add(_ counts: [UInt64], window: Int64, layer: Int) throws(ImportError) {
    guard (1...EventBounds.mostExperts).contains(counts.count), (0...65_535).contains(layer) else {
      throw .counts(file, "layer \(layer) of \(counts.count) experts is not possible")
    }
    if let experts, experts != counts.count {
      throw .counts(
        file, "layer \(layer) has \(counts.count) experts, but others have \(experts)",
        remedy: "import the counts of one model at a time")
    }
    experts = counts.count
    guard var known = rows[window]?[layer] else {
      held += counts.count
      guard held <= Self.most else {
        throw .counts(
          file, "it has more than \(Self.most) counts", remedy: "record fewer windows",
          kind: .tooLarge)
      }
      rows[window, default: [:]][layer] = counts
      return
    }
    rows[window]?[layer] = nil
    for expert in counts.indices {
      let (sum, overflow) = known[expert].addingReportingOverflow(counts[expert])
      guard !overflow else { throw .counts(file, "layer \(layer)'s counts go beyond 64 bits") }
      known[expert] = sum
    }
    rows[window]?[layer] = known
  }

  /// All counts; layers that a window lacks were not used there.
  ///
  /// - Throws: ``ImportError`` where there are none, or too many.
  func finished(topK: Int? = nil, windowKind: String) throws(ImportError) -> RawCounts {
    guard let experts else {
      throw .counts(file, "it has no counts", kind: .recordedNothing)
    }
    let windows = rows.keys.sorted()
    let layers = Set(rows.values.flatMap(\.keys)).sorted()
    let width = layers.count * experts
    guard width <= Self.most / windows.count else {
      throw .counts(
        file, "\(windows.count) windows of \(layers.count) layers are too many counts",
        remedy: "record fewer windows", kind: .tooLarge)
    }
    var counts = [UInt64](repeating: 0, count: windows.count * width)
    for (place, window) in windows.enumerated() {
      for (ordinal, layer) in layers.enumerated() {
        guard let row = rows[window]?[layer] else { continue }
        let first = place * width + ordinal * experts
        for expert in 0..<experts { counts[first + expert] = row[expert] }
      }
    }
    return RawCounts(
      layers: .numbered(layers), experts: experts, topK: topK, windowKind: windowKind,
      windows: windows, counts: counts)
  }
}
