import Archive
import RoutingTrace

extension ForeignFormat {
  /// The active experts that FLAME-MoE's training writes: a folder a step, a folder a layer.
  public static let flameActives = ForeignFormat(FlameActivesFormat.self)
}

/// FLAME-MoE's active experts as its training writes them: `STEP/LAYER/RANK.pt`, each a tuple of
/// two tensors `[tokens, k]`, the scores and the experts' ids in descending score.
///
/// The files of one step that have the same name are of the same tokens and are read together.
/// Layers are numbered from 1, so folder `2` is model layer 1. The tokens are those of training
/// batches, routed as a prompt is; so all are prefill.
struct FlameActivesFormat: TraceFormat {
  static let name = "flame-actives"
  static let summary = "FLAME-MoE's active experts (.pt), a folder a layer"

  static let sample = (
    fileName: "1-0.pt",
    content:
      (try? TorchWriter.file(
        .tuple([
          .float32([0.5, 0.25, 0.75, 0.125, 0.5, 0.5], shape: [3, 2]),
          .int64([5, 2, 0, 7, 1, 6], shape: [3, 2]),
        ]))) ?? []
  )

  private let readsWeights: Bool
  private var file: FileBytes
  private var source: TraceSource?

  init(options: ImportOptions) throws(ImportError) {
    file = FileBytes(limit: options.maximumFileSize)
    readsWeights = options.readsWeights
  }

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".pt") }

  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    TorchHead(head)?.isTupleOfTensors ?? false
  }

  /// The model layer that the folder of a file tells; nil for other names.
  private static func layer(of file: FoundFile) -> Int? {
    guard let number = Int(file.folder), (1...65_536).contains(number) else { return nil }
    return number - 1
  }

  /// A source for all files of one name in the layers' folders of one step.
  static func sources(of files: [FoundFile]) throws(ImportError) -> [TraceSource] {
    var sources: [TraceSource] = []
    var places: [String: Int] = [:]
    for file in files {
      let step = parent(parent(file.path)) + "/" + file.name
      if layer(of: file) != nil, let place = places[step] {
        sources[place].files.append(file)
        sources[place].size += file.size
      } else {
        if layer(of: file) != nil { places[step] = sources.count }
        sources.append(
          TraceSource(path: file.path, folder: file.folder, size: file.size, files: [file]))
      }
    }
    return sources
  }

  mutating func open(_ source: TraceSource) throws(ImportError) { self.source = source }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    guard let source = source.take() else { return nil }
    let files = source.files.map { (layer: Self.layer(of: $0), found: $0) }
      .sorted { $0.layer ?? 0 < $1.layer ?? 0 }
    var parts: [RawRequest] = []
    for (layer, found) in files {
      var part = try read(found)
      part.layers = layer.map { .numbered([$0]) } ?? .counted(1)
      parts.append(part)
    }
    var request = try JoinedRequest(parts, of: files.map(\.found.path)).request
    request.name = source.stem
    request.task = files.count > 1 ? lastComponent(parent(parent(source.path))) : ""
    request.prefill = request.tokens
    return request
  }

  /// The events of one file, which are of one layer.
  private func read(_ found: FoundFile) throws(ImportError) -> RawRequest {
    var bytes = file
    if let content = found.content { bytes = content } else { try bytes.read(found.path) }
    let reader = ArrayReader(file: found.path)
    return try reader.of(nil) { () throws(ArchiveError) in
      let torch = try TorchFile(bytes.bytes)
      let tensors = torch.root.elements?.compactMap(\.tensor) ?? []
      guard tensors.count == 2, tensors[0].shape.count == 2, tensors[0].shape == tensors[1].shape,
        (1...64).contains(tensors[1].shape[1])
      else {
        throw ArchiveError(
          "it is no pair of scores and expert ids, two tensors [tokens, k]",
          remedy: "save torch.topk's result as it is")
      }
      let (scores, experts) = (tensors[0], tensors[1])
      let found = try torch.withArray(of: experts) { (array) throws(ArchiveError) in
        try array.ids(experts: EventBounds.mostExperts)
      }
      var request = RawRequest(
        tokens: experts.shape[0], layers: .counted(1), topK: experts.shape[1], ids: found.ids,
        firstOutOfRange: found.outOfRange?.value)
      guard readsWeights else { return request }
      request.weights = try torch.withArray(of: scores) { (array) throws(ArchiveError) in
        try array.weights()
      }
      return request
    }
  }
}
