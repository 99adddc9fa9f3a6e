import Archive

extension CountsFormat {
  /// SGLang's expert distribution recorder in its modes that count.
  public static let sglangCounts = CountsFormat(SGLangCounts.self)
}

/// SGLang's `--expert-distribution-recorder-mode stat`, `stat_approx` and `per_pass`: torch files.
///
/// The first two have `logical_count` `[step, layer, expert]`, written by rank 0 for all; a step that
/// counted nothing is one that the recorder had room for, and is left out. `per_pass` has a record a
/// forward pass with the counts of physical experts, which become those of logical ones by the map
/// of the recording's end. Layers are all of the model.
enum SGLangCounts: CountsReader {
  static let name = "sglang-counts"
  static let summary = "SGLang's expert distribution recorder, stat and per_pass (.pt)"

  static let sample = (
    fileName: "expert_distribution_recorder_1.pt",
    content:
      (try? TorchWriter.file(
        .dictionary([
          ("rank", .integer(0)),
          (
            "logical_count",
            .int32([0, 0, 0, 0, 3, 1, 0, 2, 0, 0, 0, 0, 0, 5, 1, 0], shape: [2, 2, 4])
          ),
        ]))) ?? []
  )

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".pt") }

  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    guard let head = TorchHead(head) else { return false }
    return head.holds("logical_count")
      || (head.holds("global_physical_count") && !head.holds("topk_ids_of_layer"))
  }

  static func counts(
    in bytes: UnsafeRawBufferPointer, of file: FoundFile
  ) throws(ImportError) -> RawCounts {
    let reader = ArrayReader(file: file.path)
    let torch = try reader.of(nil) { () throws(ArchiveError) in try TorchFile(bytes) }
    if let tensor = torch.root["logical_count"]?.tensor {
      return try stepCounts(tensor, of: torch, reader: reader)
    }
    return try passCounts(of: torch, size: bytes.count, reader: reader)
  }

  /// Counts of steps, or of all together.
  private static func stepCounts(
    _ tensor: TorchTensor, of torch: TorchFile, reader: ArrayReader
  ) throws(ImportError) -> RawCounts {
    let shape = (tensor.shape.count == 2 ? [1] : []) + tensor.shape
    let counts = try reader.of("logical_count") { () throws(ArchiveError) in
      guard shape.count == 3, shape.allSatisfy({ $0 > 0 }) else {
        throw ArchiveError("its shape is \(tensor.shape) instead of [steps, layers, experts]")
      }
      return try torch.withArray(of: tensor) { (array) throws(ArchiveError) in try array.counts() }
    }
    return RawCounts(
      layers: .counted(shape[1]), experts: shape[2],
      windowKind: tensor.shape.count == 2 ? "whole" : "step",
      windows: (0..<Int64(shape[0])).map(\.self),
      counts: counts)
  }

  /// Counts of forward passes.
  private static func passCounts(
    of torch: TorchFile, size: Int, reader: ArrayReader
  ) throws(ImportError) -> RawCounts {
    let key = "global_physical_count"
    let map = try PhysicalExperts(torch, reader: reader)
    var table = CountTable(file: reader.file)
    // Records may share their numbers; each is counted, so that few bytes never stand for many.
    var room = size
    for (ordinal, record) in (torch.root["records"]?.elements ?? []).enumerated() {
      let pass = record["forward_pass_id"]?.integer ?? ordinal
      guard let tensor = record[key]?.tensor, tensor.shape == [map.layers, map.count] else {
        throw .counts(
          reader.file, "its pass \(pass) has no counts of [\(map.layers), \(map.count)] experts",
          remedy: "record again with --expert-distribution-recorder-mode per_pass", member: key)
      }
      room -= tensor.count * tensor.element.size
      guard room >= 0 else {
        throw .counts(reader.file, "its pass \(pass) has counts of other passes once more")
      }
      let counts = try reader.of(key) { () throws(ArchiveError) in
        try torch.withArray(of: tensor) { (array) throws(ArchiveError) in try array.counts() }
      }
      let (logical, experts) = try map.logicalCounts(counts, file: reader.file)
      for layer in 0..<map.layers {
        try table.add(
          Array(logical[layer * experts..<(layer + 1) * experts]), window: Int64(pass), layer: layer
        )
      }
    }
    var raw = try table.finished(windowKind: "pass")
    raw.layers = .counted(map.layers)
    return raw
  }
}
