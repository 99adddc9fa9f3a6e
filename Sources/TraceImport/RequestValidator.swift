import RoutingTrace

/// Holds every imported request against the shape, whichever format it comes from: the shape that
/// the options give, or the one of the first request.
struct RequestValidator {
  /// The shape, once it is known.
  private(set) var shape: TraceShape?
  /// Whether requests have gate weights, once one was seen.
  private(set) var isWeighted: Bool?

  /// What the user says of the traces.
  private let options: ImportOptions
  /// Experts of a layer (E).
  private let experts: Int
  /// Layers on the axis of requests whose layers have no numbers, and those kept of them.
  private var axis: (count: Int, kept: [Int])?

  /// - Throws: ``ImportError`` where the options say too little, too much or the impossible.
  init(_ options: ImportOptions) throws(ImportError) {
    self.options = options
    if let model = options.model {
      guard options.experts == nil || options.experts == model.experts else {
        throw Self.fault(
          "has \(model.experts) experts, but \(options.experts ?? 0) are given", of: model,
          remedy: "leave --experts out")
      }
      guard options.topK == nil || options.topK == model.topK else {
        throw Self.fault(
          "is top-\(model.topK), but top-\(options.topK ?? 0) is given", of: model,
          remedy: "leave --top-k out")
      }
      experts = model.experts
      let name = options.modelName.isEmpty ? model.name : options.modelName
      shape = try Self.shape(
        model: name, modelLayers: model.moeLayers, experts: model.experts, topK: model.topK,
        file: "shape \(model.name)")
    } else if let given = options.experts {
      guard (1...32768).contains(given) else {
        throw ImportError(
          .missing, file: "experts", problem: "\(given) experts are impossible",
          remedy: "give a number from 1 to 32768")
      }
      experts = given
    } else {
      throw ImportError(
        .missing, file: "shape",
        problem: "the number of experts is not known (the largest id seen is only a lower bound)",
        remedy: "give --shape NAME or --experts E")
    }
  }

  /// What the next request's events must keep.
  var bounds: EventBounds { EventBounds(experts: experts, topK: shape?.topK ?? options.topK) }

  /// The request as the shape wants it: routing layers only, ids checked, in descending gate
  /// weight.
  ///
  /// - Parameters:
  ///   - file: where it comes from, for messages.
  ///   - ordinal: its number in the stream.
  mutating func fit(
    _ request: consuming RawRequest, file: String, ordinal: Int
  ) throws(ImportError) -> RequestTrace {
    do throws(ImportError) {
      try settleLayers(request, file: file)
      try settleWeights(request, file: file)
      let prefill = try settlePrefill(request, file: file)
      let shape = try settleShape(request, file: file)
      try keepRoutingLayers(&request, shape: shape, file: file)
      var weights = request.weights.take()
      if let fault = checkAndRank(&request.ids, &weights, topK: shape.topK, experts: experts) {
        throw fault.error(file: file, shape: shape)
      }
      return RequestTrace(
        name: request.name, task: request.task, prefill: prefill, ids: request.ids,
        weights: weights)
    } catch {
      throw error.inRequest(ordinal)
    }
  }

  /// Tokens of the request's prompt, from the request or the options.
  private func settlePrefill(
    _ request: borrowing RawRequest, file: String
  ) throws(ImportError) -> Int {
    if let own = request.prefill, let given = options.prefill, own != given {
      throw ImportError(
        .mismatch, file: file, problem: "its prompt has \(own) tokens, but \(given) are given",
        remedy: "leave --prefill out")
    }
    guard let prefill = request.prefill ?? options.prefill else {
      throw ImportError(
        .missing, file: file, problem: "it does not say how many of its tokens are the prompt's",
        remedy: "give --prefill N, or a JSON sidecar with input_token_count beside a .npy file")
    }
    guard (0...request.tokens).contains(prefill) else {
      throw ImportError(
        .mismatch, file: file,
        problem: "its prompt has \(prefill) tokens, but it has only \(request.tokens) in all",
        remedy: "give the true length with --prefill")
    }
    return prefill
  }

  /// Throws where one request has gate weights and another none.
  private mutating func settleWeights(
    _ request: borrowing RawRequest, file: String
  ) throws(ImportError) {
    guard request.tokens > 0 else { return }
    let weighted = request.weights != nil
    guard isWeighted ?? weighted == weighted else {
      throw ImportError(
        .mismatch, file: file,
        problem: weighted
          ? "it has gate weights, but earlier requests have none"
          : "it has no gate weights, but earlier requests have",
        remedy: "import the two kinds into two traces")
    }
    isWeighted = weighted
  }

  /// Chooses the routing layers of an axis without numbers.
  private mutating func settleLayers(
    _ request: borrowing RawRequest, file: String
  ) throws(ImportError) {
    guard case .counted(let count) = request.layers else { return }
    if let axis {
      guard axis.count == count else {
        throw ImportError(
          .mismatch, file: file,
          problem: "it has \(count) layers, but earlier requests have \(axis.count)",
          remedy: "import the traces of one model at a time")
      }
    } else if let model = options.model {
      if count == model.moeLayers.count {
        axis = (count, Array(0..<count))
      } else if count == model.layers {
        axis = (count, model.moeLayers)
      } else {
        throw ImportError(
          .mismatch, file: file,
          problem: "it has \(count) layers, but \(model.name) has \(model.layers), "
            + "\(model.moeLayers.count) of them MoE layers",
          remedy: "give the shape of the model that was traced")
      }
    } else {
      axis = (count, try routingLayers(request, count: count, file: file))
    }
  }

  /// Without a model, layers of nothing but zeros are dense: no router chooses an expert twice.
  private func routingLayers(
    _ request: borrowing RawRequest, count: Int, file: String
  ) throws(ImportError) -> [Int] {
    let zero = (0..<count).filter {
      firstFilledToken(of: request, layer: $0, layers: count) == nil
    }
    guard request.tokens > 0, !zero.isEmpty else { return Array(0..<count) }
    guard request.topK > 1 else {
      throw ImportError(
        .missing, file: file, layer: zero[0],
        problem: "it holds only expert 0: a dense layer, or a router's choice",
        remedy: "give --shape NAME, which says what layers route")
    }
    return (0..<count).filter { !zero.contains($0) }
  }

  /// The shape: as known before, or as this first request says.
  private mutating func settleShape(
    _ request: borrowing RawRequest, file: String
  ) throws(ImportError) -> TraceShape {
    let numbers: [Int]
    switch request.layers {
    case .numbered(let given): numbers = given
    case .counted: numbers = shape?.modelLayers ?? axis?.kept ?? []
    }
    guard let shape else {
      guard request.topK > 0 else {
        throw ImportError(
          .missing, file: file, problem: "the first request has no tokens to take the shape from",
          remedy: "give --shape NAME, or leave this file out")
      }
      let shape = try Self.shape(
        model: options.modelName, modelLayers: numbers, experts: experts, topK: request.topK,
        file: file)
      self.shape = shape
      return shape
    }
    let whose = options.model?.name ?? "the first request"
    guard request.topK == shape.topK || request.tokens == 0 else {
      throw ImportError(
        .mismatch, file: file,
        problem: "it is top-\(request.topK), but \(whose) is top-\(shape.topK)",
        remedy: "import the traces of one model at a time, with its shape")
    }
    guard numbers == shape.modelLayers else {
      throw ImportError(
        .mismatch, file: file,
        problem: difference(of: numbers, from: shape.modelLayers, whose: whose),
        remedy: "import the traces of one model at a time, with its shape")
    }
    return shape
  }

  /// How layer numbers differ from those expected, in words.
  private func difference(of numbers: [Int], from expected: [Int], whose: String) -> String {
    if let more = numbers.first(where: { !expected.contains($0) }) {
      return "its layer \(more) routes, but not in \(whose) (\(expected.count) MoE layers)"
    }
    let missing = expected.first { !numbers.contains($0) } ?? 0
    return "it lacks layer \(missing), which routes in \(whose) (\(expected.count) MoE layers)"
  }

  /// Drops the dense layers, which must be zero throughout.
  private func keepRoutingLayers(
    _ request: inout RawRequest, shape: TraceShape, file: String
  ) throws(ImportError) {
    guard case .counted(let count) = request.layers, let axis, axis.kept.count < count else {
      return
    }
    let kept = Set(axis.kept)
    for layer in 0..<count where !kept.contains(layer) {
      if let token = firstFilledToken(of: request, layer: layer, layers: count) {
        throw ImportError(
          .mismatch, file: file, token: token, layer: layer,
          problem:
            "expert ids in a layer that is dense in \(options.model?.name ?? "the first request")",
          remedy: "give the shape of the model that was traced")
      }
    }
    request.ids = gather(request.ids, layers: count, kept: axis.kept, topK: request.topK)
    request.weights = request.weights.map {
      gather($0, layers: count, kept: axis.kept, topK: request.topK)
    }
    request.layers = .numbered(shape.modelLayers)
  }

  /// The first token that has an id other than 0 in a layer; nil where none has.
  private func firstFilledToken(
    of request: borrowing RawRequest, layer: Int, layers: Int
  ) -> Int? {
    let topK = request.topK
    return request.ids.withUnsafeBufferPointer { ids -> Int? in
      var at = layer * topK
      while at < ids.count {
        for slot in 0..<topK where ids[at + slot] != 0 { return at / (layers * topK) }
        at += layers * topK
      }
      return nil
    }
  }

  /// A shape of these numbers; its fault is told of the file.
  private static func shape(
    model: String, modelLayers: [Int], experts: Int, topK: Int, file: String
  ) throws(ImportError) -> TraceShape {
    do {
      return try TraceShape(model: model, modelLayers: modelLayers, experts: experts, topK: topK)
    } catch {
      throw ImportError(
        .invalid, file: file, problem: "\(error)", remedy: "check --shape, --experts and the format"
      )
    }
  }

  /// The error of options that contradict a model.
  private static func fault(_ problem: String, of model: ModelShape, remedy: String) -> ImportError
  {
    ImportError(.mismatch, file: "shape \(model.name)", problem: "it " + problem, remedy: remedy)
  }
}

/// The layers `kept` of a token-major column; neighbouring layers are copied at once.
private func gather<Value: BitwiseCopyable>(_ column: [Value], layers: Int, kept: [Int], topK: Int)
  -> [Value]
{
  var runs: [Range<Int>] = []
  for layer in kept {
    if let last = runs.last, last.upperBound == layer {
      runs[runs.count - 1] = last.lowerBound..<layer + 1
    } else {
      runs.append(layer..<layer + 1)
    }
  }
  let tokens = column.count / max(1, layers * topK)
  precondition(kept.allSatisfy { (0..<layers).contains($0) })
  return [Value](unsafeUninitializedCapacity: tokens * kept.count * topK) { result, filled in
    column.withUnsafeBufferPointer { column in
      guard let from = column.baseAddress, var to = result.baseAddress else { return }
      for token in 0..<tokens {
        for run in runs {
          let count = run.count * topK
          to.update(from: from + (token * layers + run.lowerBound) * topK, count: count)
          to += count
        }
      }
    }
    filled = tokens * kept.count * topK
  }
}
