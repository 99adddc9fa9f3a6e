extension CountsFormat {
  /// vLLM's expert load, as its expert parallel load balancer saves it.
  public static let eplbLoad = CountsFormat(EPLBLoad.self)
}

/// vLLM's `{"record_type": "eplb_load_stats", "version": 1, "step", "num_ranks", "expert_load":
/// [[..]], "p2l_map": [[..]]}`: a document, or one a line, a step each.
///
/// Loads are of physical experts, which `p2l_map` maps to logical ones. Layers are the MoE layers.
enum EPLBLoad: CountsReader {
  static let name = "eplb-load"
  static let summary = "vLLM's eplb_load_stats (JSON, one a line)"

  static let sample = (
    fileName: "load.jsonl",
    content: Array(
      """
      {"record_type": "eplb_load_stats", "version": 1, "step": 7, "num_ranks": 2, \
      "expert_load": [[3, 1, 0, 2, 4, 0]], "p2l_map": [[0, 1, 2, 3, 0, 1]]}
      {"record_type": "eplb_load_stats", "version": 1, "step": 8, "num_ranks": 2, \
      "expert_load": [[1, 1, 0, 2, 1, 0]], "p2l_map": [[0, 1, 2, 3, 0, 1]]}

      """.utf8)
  )

  private static let kind = "eplb_load_stats"

  static func accepts(fileNamed name: String) -> Bool {
    name.hasSuffix(".json") || name.hasSuffix(".jsonl")
  }

  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    head.drop(while: JSONText.isSpace).first == UInt8(ascii: "{")
      && JSONText.holds(head.prefix(4096), key: kind)
  }

  /// A record.
  private struct Record {
    var kind = ""
    var version: UInt64 = 1
    var step: UInt64?
    var load: (shape: [Int], counts: [UInt64])?
    var map: (shape: [Int], counts: [UInt64])?

    init(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) {
      var read = (kind: "", version: UInt64(1), step: UInt64?.none)
      var (load, map): ((shape: [Int], counts: [UInt64])?, (shape: [Int], counts: [UInt64])?)
      try cursor.object { (key, cursor) throws(JSONCursor.Fault) in
        switch key {
        case "record_type": read.kind = try cursor.string()
        case "version": read.version = try cursor.count()
        case "step": read.step = try cursor.count()
        case "expert_load": load = try cursor.counts(axes: 2...2)
        case "p2l_map": map = try cursor.counts(axes: 2...2)
        default: break
        }
      }
      (kind, version, step) = read
      (self.load, self.map) = (load, map)
    }
  }

  static func counts(
    in bytes: UnsafeRawBufferPointer, of file: FoundFile
  ) throws(ImportError) -> RawCounts {
    var table = CountTable(file: file.path)
    var cursor = JSONCursor(bytes)
    var ordinal = 0
    while !cursor.isAtEnd() {
      let record: Record
      do throws(JSONCursor.Fault) { record = try Record(&cursor) } catch {
        throw error.error(file.path)
      }
      // Placements stand in files of the same kind.
      defer { ordinal += 1 }
      guard record.kind == kind else { continue }
      guard record.version == 1 else {
        throw .counts(file.path, "its record \(ordinal + 1) is of version \(record.version)")
      }
      try add(record, ordinal: ordinal, to: &table, file: file.path)
    }
    return try table.finished(windowKind: "step")
  }

  /// Adds a record's loads as those of logical experts.
  private static func add(
    _ record: Record, ordinal: Int, to table: inout CountTable, file: String
  ) throws(ImportError) {
    guard let load = record.load, let map = record.map, load.shape == map.shape,
      load.shape[1] > 0
    else {
      throw .counts(
        file, "its record \(ordinal + 1) has no expert_load and p2l_map of one shape")
    }
    guard let step = Int64(exactly: record.step ?? UInt64(ordinal)),
      let most = map.counts.max(), most < EventBounds.mostExperts
    else { throw .counts(file, "its record \(ordinal + 1) has an impossible step or expert") }
    for layer in 0..<load.shape[0] {
      var counts = [UInt64](repeating: 0, count: Int(most) + 1)
      for at in layer * load.shape[1]..<(layer + 1) * load.shape[1] {
        let (sum, overflow) = counts[Int(map.counts[at])]
          .addingReportingOverflow(load.counts[at])
        guard !overflow else { throw .counts(file, "its counts go beyond 64 bits") }
        counts[Int(map.counts[at])] = sum
      }
      try table.add(counts, window: step, layer: layer)
    }
  }
}
