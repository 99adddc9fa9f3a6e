import Archive
import RoutingTrace

extension ForeignFormat {
  /// The outputs of routers, an array a layer.
  public static let routerLogits = ForeignFormat(RouterLogitsFormat.self)
}

/// Router logits a layer: `PROMPT/router/ffn_moe_logits-<layer>.npy` `[rows, experts]`, as callbacks
/// on llama.cpp's graph write them, and `PROMPT/metadata.txt` with `n_tokens_prompt=` and
/// `n_tokens_generated=`.
///
/// A token takes the k experts with the largest logits, the lower of equals first; the top-k must be
/// given. That is the choice of routers that take the best of all experts, and not of those that
/// choose among groups first, or add a bias. Gate weights are not read: how they come from logits
/// differs by model.
///
/// A layer may have fewer rows than others: llama.cpp computes the last layer for those tokens alone
/// whose output is asked for, the prompt's last and the decoded ones. Its rows are those of the last
/// tokens; the others' events are absent there.
struct RouterLogitsFormat: TraceFormat {
  static let name = "router-logits"
  static let summary = "router logits (ffn_moe_logits-<layer>.npy), one layer a file"

  static let sample = (
    fileName: "ffn_moe_logits-3.npy",
    content: ([0, 1, 2, 3, 4, 5, 6, 7, 7, 1, 2, 3, 4, 5, 6, 0] as [Float]).withUnsafeBytes {
      NPYArray.file(.float(bytes: 4), shape: [2, 8], elements: $0)
    }
  )

  private static let prefix = "ffn_moe_logits-"
  private static let facts = "metadata.txt"

  private let topK: Int
  private let layersOfModel: [Int]?
  private var source: TraceSource?
  private let bytes: FileBytes

  init(options: ImportOptions) throws(ImportError) {
    guard let topK = options.model?.topK ?? options.topK else {
      throw ImportError(
        .missing, file: "top-k", problem: "router logits do not say how many experts a token takes",
        remedy: "give --shape NAME, or --top-k K with --experts E")
    }
    self.topK = topK
    layersOfModel = options.model.map { Array($0.moeLayers) }
    bytes = FileBytes(limit: options.maximumFileSize)
  }

  static func accepts(fileNamed name: String) -> Bool { layer(ofFileNamed: name) != nil }

  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    accepts(fileNamed: name) && head.starts(with: NPYArray.magic)
  }

  /// The model layer that a file's name tells; nil for other names.
  private static func layer(ofFileNamed name: String) -> Int? {
    guard name.hasPrefix(prefix), name.hasSuffix(".npy"),
      let number = Int(name.dropFirst(prefix.count).dropLast(4)), (0...65_535).contains(number)
    else { return nil }
    return number
  }

  /// A source a folder.
  static func sources(of files: [FoundFile]) throws(ImportError) -> [TraceSource] {
    for file in files where layer(ofFileNamed: file.name) == nil {
      throw ImportError(
        .notATrace, file: file.path, problem: "it is not named \(prefix)<layer>.npy",
        remedy: "name the prompt's folder")
    }
    return folderSources(of: files)
  }

  mutating func open(_ source: TraceSource) throws(ImportError) { self.source = source }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    guard let source = source.take() else { return nil }
    let files = source.files.map { (layer: Self.layer(ofFileNamed: $0.name) ?? 0, found: $0) }
      .sorted { $0.layer < $1.layer }
    var layers: [(layer: Int, found: FoundFile, ids: [UInt16])] = []
    for (layer, found) in files {
      guard layers.last?.layer != layer else {
        throw ImportError(
          .malformed, file: found.path, layer: layer, problem: "the layer has two files",
          remedy: "leave one of them out")
      }
      layers.append((layer, found, try choices(in: found, experts: bounds.experts)))
    }
    let tokens = (layers.map(\.ids.count).max() ?? 0) / topK
    let folder = source.folder == "router" ? parent(source.path) : source.path
    let facts = try Facts(folder, source)
    var request = RawRequest(
      name: lastComponent(folder), tokens: tokens, prefill: facts.prompt,
      layers: .numbered(layersOfModel ?? layers.map(\.layer)), topK: topK, ids: [])
    try facts.check(tokens: tokens, file: source.path)
    guard case .numbered(let numbers) = request.layers else { return nil }
    let outputs = facts.outputs(of: tokens)
    let stride = numbers.count * topK
    request.ids = Array(repeating: TokenBlock.emptySlot, count: tokens * stride)
    for (layer, found, ids) in layers {
      guard let place = numbers.firstIndex(of: layer) else {
        throw ImportError(
          .mismatch, file: found.path, layer: layer, problem: "the layer is none of the model's",
          remedy: "give the shape of the model that was recorded")
      }
      let rows = ids.count / topK
      guard rows == tokens || rows == outputs else {
        throw ImportError(
          .malformed, file: found.path, layer: layer,
          problem: "it has \(rows) rows, but other layers have \(tokens)"
            + (outputs.map { ", and \($0) tokens have an output" } ?? ""),
          remedy: outputs == nil
            ? "write \(Self.facts) with n_tokens_prompt= and n_tokens_generated= beside the folder, "
              + "or move the layer's file away"
            : "record again, or move the layer's file away")
      }
      for row in 0..<rows {
        let to = (tokens - rows + row) * stride + place * topK
        for slot in 0..<topK { request.ids[to + slot] = ids[row * topK + slot] }
      }
    }
    return request
  }

  /// The k experts with the largest logits of every row.
  private func choices(in found: FoundFile, experts: Int) throws(ImportError) -> [UInt16] {
    var content = bytes
    if let own = found.content { content = own } else { try bytes.read(found.path) }
    return try ArrayReader(file: found.path).of(nil) { () throws(ArchiveError) in
      let array = try NPYArray(MemberContent(content.bytes))
      let shape = (array.shape.count == 1 ? [1] : []) + array.shape
      guard shape.count == 2, shape[1] == experts, topK <= experts else {
        throw ArchiveError(
          "its shape is \(array.shape) instead of [rows, \(experts)]",
          remedy: "give the number of experts of the model that was recorded")
      }
      return try array.largest(topK, of: experts)
    }
  }

  /// What `metadata.txt` says.
  private struct Facts {
    var prompt: Int?
    var generated: Int?
    private let file: String

    /// Of so many tokens those whose output is asked for: the prompt's last and the decoded ones.
    func outputs(of tokens: Int) -> Int? {
      prompt.flatMap { $0 > 0 ? tokens - $0 + 1 : nil }
    }

    init(_ folder: String, _ source: TraceSource) throws(ImportError) {
      file = folder + "/" + RouterLogitsFormat.facts
      guard let content = try source.neighbour(file, limit: 1 << 20) else { return }
      for line in String(decoding: content.bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
      {
        let parts = line.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let number = Int(parts[1].filter { $0 != " " }) else { continue }
        switch parts[0].filter({ $0 != " " }) {
        case "n_tokens_prompt": prompt = number
        case "n_tokens_generated": generated = number
        default: continue
        }
      }
    }

    /// Throws where there are other rows than tokens; the last sampled token has none.
    func check(tokens: Int, file source: String) throws(ImportError) {
      guard let prompt, let generated else { return }
      let sum = prompt &+ generated
      guard prompt >= 0, generated >= 0, tokens == sum || tokens == sum - 1 else {
        throw ImportError(
          .mismatch, file: source,
          problem: "its layers have \(tokens) rows, but \(RouterLogitsFormat.facts) says "
            + "\(prompt) prompt and \(generated) generated tokens",
          remedy: "mend \(file), or move it away and give --prefill N")
      }
    }
  }
}

extension NPYArray {
  /// The places of the `count` largest elements of every row of `width`, in descending order, the
  /// lower of equals first.
  func largest(_ count: Int, of width: Int) throws(ArchiveError) -> [UInt16] {
    guard case .float(let size) = element else {
      throw ArchiveError(
        "its elements are not floating-point numbers",
        remedy: "write it with array.astype('float32')")
    }
    let rows = self.count / width
    guard rows <= Self.mostValues / max(1, count) else {
      throw ArchiveError(
        "it has \(rows) rows, too many", remedy: "split its tokens over several files")
    }
    var ids: [UInt16] = []
    ids.reserveCapacity(rows * count)
    var row = [Double](repeating: 0, count: width)
    var isTaken = [Bool](repeating: false, count: width)
    for _ in 0..<rows {
      let bytes = try content.take(width * size)
      for at in 0..<width {
        let value: Double =
          switch size {
          case 2: Double(Float16(bitPattern: bytes.littleEndian(at: 2 * at, as: UInt16.self)))
          case 4: Double(Float(bitPattern: bytes.littleEndian(at: 4 * at, as: UInt32.self)))
          default: Double(bitPattern: bytes.littleEndian(at: 8 * at, as: UInt64.self))
          }
        guard !value.isNaN else {
          throw ArchiveError("row \(ids.count / count) has a logit that is no number")
        }
        row[at] = value
        isTaken[at] = false
      }
      for _ in 0..<count {
        var best = -1
        for at in 0..<width where !isTaken[at] && (best < 0 || row[at] > row[best]) { best = at }
        ids.append(UInt16(best))
        isTaken[best] = true
      }
    }
    return ids
  }
}
