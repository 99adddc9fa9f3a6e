import RoutingTrace

/// Which known model a foreign trace is of, by its layers, top-k and expert ids, where the user does
/// not say.
///
/// The first requests of the first source are read for it, and read again by the import.
struct ShapeProposal {
  /// What the first requests show.
  struct Traits: Equatable {
    /// Layers by the model's numbers, or how many there are.
    var layers: RawRequest.LayerAxis
    var topK: Int
    /// The largest expert id, and how many ids there are.
    var largest = -1
    var ids = 0
    /// Experts of a layer, where the source says so.
    var stated: Int?
  }

  let traits: Traits
  /// Known models that fit.
  let fitting: [ModelShape]

  /// Requests that are looked at, at most, and ids that are enough.
  private static let mostRequests = 8
  private static let enoughIDs = 1 << 20

  /// Looks at what `finder` found.
  ///
  /// - Throws: ``ImportError`` where the format needs a shape, or the first request cannot be read.
  init(_ finder: SourceFinder, options: ImportOptions) throws(ImportError) {
    var options = options
    // Where the prompt ends does not matter yet.
    options.prefill = options.prefill ?? 0
    options.readsWeights = false
    var reader = try finder.format.type.init(options: options)
    var traits: Traits?
    var requests = 0
    sources: for source in finder.sources {
      try reader.open(source)
      let bounds = EventBounds(experts: EventBounds.mostExperts, topK: options.topK)
      while let request = try reader.next(within: bounds) {
        requests += 1
        Self.add(request, to: &traits)
        if requests == Self.mostRequests || traits?.ids ?? 0 >= Self.enoughIDs { break sources }
      }
    }
    guard let traits else {
      throw ImportError(
        .notATrace, file: finder.sources.first?.path ?? "", problem: "there is no request in it",
        remedy: "name another file or folder")
    }
    self.traits = traits
    fitting = ModelShape.known.filter { Self.fits($0, traits) }
  }

  /// Adds what a request shows.
  private static func add(_ request: RawRequest, to traits: inout Traits?) {
    guard request.tokens > 0, request.topK > 0 else { return }
    var own = traits ?? Traits(layers: request.layers, topK: request.topK)
    own.topK = max(own.topK, request.topK)
    own.stated = own.stated ?? request.experts
    own.ids += request.ids.count
    own.largest = request.ids.reduce(own.largest) { largest, id in
      // An empty slot and a number that is no id tell nothing.
      id >= RawRequest.outOfRange ? largest : max(largest, Int(id))
    }
    traits = own
  }

  /// Whether a model can have written what was seen.
  ///
  /// Without the number of experts in the source, ids must be those of the model; of many ids, some
  /// must be in its last eighth, or the model is a larger one.
  static func fits(_ model: ModelShape, _ traits: Traits) -> Bool {
    guard model.topK == traits.topK else { return false }
    switch traits.layers {
    case .numbered(let numbers):
      guard numbers == model.moeLayers || numbers.map({ $0 - 1 }) == model.moeLayers else {
        return false
      }
    case .counted(let count):
      guard count == model.layers || count == model.moeLayers.count else { return false }
    }
    if let stated = traits.stated { return stated == model.experts }
    // The number of experts itself may stand for nothing.
    guard traits.largest <= model.experts else { return false }
    return traits.ids < 32 * model.experts
      || traits.largest >= model.experts - model.experts / 8 - 1
  }

  /// The options with the one model that fits, or with the experts that the source tells.
  ///
  /// - Throws: ``ImportError`` of kind `missing` where neither is there.
  func settle(_ options: ImportOptions, file: String) throws(ImportError) -> ImportOptions {
    var options = options
    if fitting.count == 1 {
      options.model = fitting[0]
    } else if let stated = traits.stated {
      options.experts = stated
    } else {
      throw ImportError(
        .missing, file: file, problem: problem,
        remedy: fitting.isEmpty
          ? "give --shape NAME or FILE.json, or --experts E"
          : "give the right one with --shape NAME, or --experts E")
    }
    return options
  }

  /// Why nothing can be proposed.
  private var problem: String {
    let layers =
      switch traits.layers {
      case .numbered(let numbers): "\(numbers.count) MoE layers"
      case .counted(let count): "\(count) layers"
      }
    let seen = "\(layers), top-\(traits.topK), ids up to \(traits.largest)"
    return fitting.isEmpty
      ? "the number of experts is not known (the largest id seen is only a lower bound), and no known "
        + "model has \(seen)"
      : "\(fitting.count) known models have \(seen): \(fitting.map(\.name).joined(separator: ", "))"
  }
}
