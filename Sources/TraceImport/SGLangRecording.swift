import Archive
import RoutingTrace

/// One file of SGLang's expert distribution recorder, in its mode `per_token`, as requests.
struct SGLangRecording {
  /// The requests, in the order of their first rows.
  private(set) var sequences: [BatchedSequence] = []
  /// The most experts that an event has.
  private(set) var widest = 0
  /// Decoded rows that could be of several requests, and so begin one of their own.
  private(set) var cutRows = 0
  /// Slots that name a logical expert once more, which are empty.
  private(set) var twice = 0
  /// What tells whether another rank recorded the same batch.
  private(set) var firstPass: FirstPass?

  /// The first pass of a recording that has tokens.
  struct FirstPass {
    var file: String
    var pass: Int
    var tokens: [Int]
    var ids: [UInt16]

    /// Whether both are the same pass.
    func isCopy(of other: FirstPass) -> Bool {
      pass == other.pass && tokens == other.tokens && ids == other.ids
    }
  }

  /// Logical ids of the passes, `[layer, row, slot]`.
  private var passes: [Pass] = []
  private struct Pass {
    var rows: Int
    var slots: Int
    var ids: [UInt16]
  }
  private let layers: Int
  private let file: String
  /// Bytes of the file that no record has taken. Records may share their numbers, and each is
  /// counted, so that few bytes never stand for many rows.
  private var room = 0

  /// The key of the ids.
  private static let routes = "topk_ids_of_layer"
  /// The slots of an event, which the recorder has 8 of.
  private static let mostSlots = 64
  /// What to do with records that are not understood.
  private static let remedy = "record again with --expert-distribution-recorder-mode per_token"

  /// Reads the file that fills `bytes`.
  ///
  /// - Throws: ``ImportError`` where it is damaged or contradicts itself.
  /// - Complexity: O(bytes).
  init(_ bytes: UnsafeRawBufferPointer, file: String) throws(ImportError) {
    self.file = file
    let reader = ArrayReader(file: file)
    let torch = try reader.of(nil) { () throws(ArchiveError) in try TorchFile(bytes) }
    guard let records = torch.root["records"]?.elements else {
      throw ImportError(
        .notATrace, file: file, problem: "it has no records", remedy: Self.remedy)
    }
    let map = try PhysicalExperts(torch, reader: reader)
    layers = map.layers
    var batches = BatchedSequences()
    room = bytes.count
    for (ordinal, record) in records.enumerated() {
      let number = record["forward_pass_id"]?.integer ?? ordinal
      let batch = try told(of: number) { () throws(BatchProblem) in try Batch(record) }
      guard let batch else { continue }
      let tensor = try told(of: number) { () throws(BatchProblem) in
        try routes(in: record, of: batch)
      }
      let ids = try reader.of(Self.routes) { () throws(ArchiveError) in
        try torch.withArray(of: tensor) { (array) throws(ArchiveError) in
          try array.ids(experts: EventBounds.mostExperts).ids
        }
      }
      if firstPass == nil {
        firstPass = FirstPass(file: file, pass: number, tokens: batch.tokens, ids: ids)
      }
      var pass = Pass(rows: batch.rows, slots: tensor.shape[2], ids: ids)
      note(pass)
      twice += try told(of: number) { () throws(BatchProblem) in
        try batches.add(batch, pass: passes.count)
        return try map.translate(&pass.ids, rows: pass.rows, slots: pass.slots)
      }
      passes.append(pass)
    }
    sequences = batches.sequences
    cutRows = batches.cutRows
  }

  /// Runs `body`; its problem is told of the file and the pass.
  private func told<Result>(
    of pass: Int, _ body: () throws(BatchProblem) -> Result
  ) throws(ImportError) -> Result {
    do throws(BatchProblem) { return try body() } catch {
      throw ImportError(
        .malformed, file: file, problem: "its pass \(pass) has \(error.text)", remedy: error.remedy)
    }
  }

  /// The physical ids of a record, `[layer, row, slot]`.
  private mutating func routes(
    in record: PickleValue, of batch: Batch
  ) throws(BatchProblem) -> TorchTensor {
    guard let tensor = record[Self.routes]?.tensor else { throw Batch.countsOnly(Self.routes) }
    let shape = tensor.shape
    guard shape.count == 3, shape[0] == layers, shape[1] == batch.rows,
      (1...Self.mostSlots).contains(shape[2])
    else {
      throw BatchProblem(
        "\(Self.routes) of shape \(shape) for \(batch.rows) tokens in \(layers) layers")
    }
    room -= tensor.count * tensor.element.size
    guard room >= 0 else { throw BatchProblem("numbers of other records once more") }
    return tensor
  }

  /// Looks for the widest event.
  private mutating func note(_ pass: Pass) {
    pass.ids.withUnsafeBufferPointer { ids in
      for end in stride(from: pass.slots, through: ids.count, by: pass.slots) {
        var width = pass.slots
        while width > widest, ids[end - pass.slots + width - 1] == TokenBlock.emptySlot {
          width -= 1
        }
        widest = max(widest, width)
      }
    }
  }

  /// A request, token-major over all layers.
  ///
  /// - Throws: ``ImportError`` where an event has more experts than `topK`.
  func request(_ ordinal: Int, topK: Int) throws(ImportError) -> RawRequest {
    let sequence = sequences[ordinal]
    guard widest <= topK else {
      throw ImportError(
        .mismatch, file: file, problem: "a token takes \(widest) experts, but \(topK) are expected",
        remedy: "give the shape of the model that was recorded, or its --top-k")
    }
    let stride = layers * topK
    let absent = TokenBlock.emptySlot
    let ids = [UInt16](unsafeUninitializedCapacity: sequence.rows.count * stride) { ids, count in
      ids.initialize(repeating: absent)
      for (token, place) in sequence.rows.enumerated() {
        let slots = passes[place.pass].slots
        let rows = passes[place.pass].rows
        let width = min(topK, slots)
        // Every id of the recording goes by here; the places are those of a pass's own shape.
        passes[place.pass].ids.withUnsafeBufferPointer { pass in
          var (from, to) = (place.row * slots, token * stride)
          for _ in 0..<layers {
            for slot in 0..<width { ids[to + slot] = pass[from + slot] }
            from += rows * slots
            to += topK
          }
        }
      }
      count = ids.count
    }
    return RawRequest(
      tokens: sequence.rows.count, prefill: sequence.prefill, layers: .counted(layers), topK: topK,
      ids: ids, tokenIDs: sequence.tokens)
  }
}

/// Which logical expert every physical one was a copy of, when the recorder wrote its file.
struct PhysicalExperts {
  /// All layers of the model, dense ones too.
  let layers: Int
  /// Physical experts of a layer.
  let count: Int
  /// `[layer, physical expert]`.
  private let logical: [UInt16]

  private static let key = "last_physical_to_logical_map"

  /// The map of a recorder's file.
  init(_ torch: TorchFile, reader: ArrayReader) throws(ImportError) {
    let shaped = ImportError(
      .malformed, file: reader.file, member: Self.key,
      problem: "it has no map [layers, physical experts], which says what expert an id stands for",
      remedy: "record again with SGLang 0.4.5 or later")
    guard let tensor = torch.root[Self.key]?.tensor, tensor.shape.count == 2,
      (1...1024).contains(tensor.shape[0]), (1...EventBounds.mostExperts).contains(tensor.shape[1])
    else { throw shaped }
    (layers, count) = (tensor.shape[0], tensor.shape[1])
    logical = try reader.of(Self.key) { () throws(ArchiveError) in
      try torch.withArray(of: tensor) { (array) throws(ArchiveError) in
        try array.ids(experts: EventBounds.mostExperts).ids
      }
    }
  }

  /// Puts logical ids in the place of physical ones, `[layer, row, slot]`.
  ///
  /// The map is the one in force at the recording's end. Where experts were moved meanwhile, two ids
  /// of an event may become one: the later slot is empty then.
  ///
  /// - Returns: slots that became empty.
  func translate(_ ids: inout [UInt16], rows: Int, slots: Int) throws(BatchProblem) -> Int {
    precondition(ids.count == layers * rows * slots, "the shape was held against the batch")
    var twice = 0
    let unknown = ids.withUnsafeMutableBufferPointer { ids in
      logical.withUnsafeBufferPointer { logical -> Int? in
        var at = 0
        for layer in 0..<layers {
          let map = UnsafeBufferPointer(rebasing: logical[layer * count..<(layer + 1) * count])
          for _ in 0..<rows {
            let first = at
            while at < first + slots {
              let physical = ids[at]
              if physical != TokenBlock.emptySlot {
                guard Int(physical) < count else { return at }
                let expert = map[Int(physical)]
                var earlier = first
                while earlier < at, ids[earlier] != expert { earlier += 1 }
                ids[at] = earlier < at ? TokenBlock.emptySlot : expert
                if earlier < at { twice += 1 }
              }
              at += 1
            }
          }
        }
        return nil
      }
    }
    if let at = unknown {
      throw BatchProblem(
        "an expert in layer \(at / (rows * slots)) that is none of its \(count) physical ones"
          + (ids[at] == RawRequest.outOfRange ? "" : " (\(ids[at]))"))
    }
    return twice
  }

  /// Counts of logical experts, from those of physical ones `[layer, physical expert]`.
  ///
  /// - Returns: `[layer, expert]`, and the experts of a layer.
  func logicalCounts(
    _ counts: [UInt64], file: String
  ) throws(ImportError) -> (counts: [UInt64], experts: Int) {
    guard let most = logical.max(), most < EventBounds.mostExperts else {
      throw .counts(file, "the map has an expert that is not possible", member: Self.key)
    }
    let experts = Int(most) + 1
    var sums = [UInt64](repeating: 0, count: layers * experts)
    for at in counts.indices {
      let place = at / count * experts + Int(logical[at])
      let (sum, overflow) = sums[place].addingReportingOverflow(counts[at])
      guard !overflow else { throw .counts(file, "its counts go beyond 64 bits") }
      sums[place] = sum
    }
    return (sums, experts)
  }
}
