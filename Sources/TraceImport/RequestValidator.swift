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
  /// Whether a request went into the trace.
  private var hasRequests = false
  /// Looks for recordings of nothing, once the shape is known.
  private var check: RecordingCheck?
  /// What is to be said of the requests, though they can be read.
  private(set) var remarks = ImportRemarks()
  /// What was left out, and what is absent in the trace.
  private(set) var omissions = ImportOmissions()

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
      guard (1...EventBounds.mostExperts).contains(given) else {
        throw ImportError(
          .missing, file: "experts", problem: "\(given) experts are impossible",
          remedy: "give a number from 1 to \(EventBounds.mostExperts)")
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

  /// The request as the shape wants it: routing layers only, ids checked, in descending gate weight,
  /// what is absent in empty slots.
  ///
  /// - Parameters:
  ///   - file: where it comes from, for messages.
  ///   - ordinal: its number in the stream.
  /// - Returns: nil where no token of it was recorded, or all are left out.
  mutating func fit(
    _ request: consuming RawRequest, file: String, ordinal: Int
  ) throws(ImportError) -> RequestTrace? {
    remarks.add(request.remarks, of: file)
    do throws(ImportError) {
      guard try hasRoutes(request, file: file) else { return nil }
      try settleLayers(request, file: file)
      try settleWeights(request, file: file)
      var prefill = try settlePrefill(request, file: file)
      let shape = try settleShape(&request, file: file)
      try keepRoutingLayers(&request, shape: shape, file: file)
      var weights = request.weights.take()
      let absence = Absence(
        experts: experts, topK: shape.topK, keepsConstant: options.keepsConstant)
      let isFull = absence.settle(&request.ids, &weights, layers: shape.layers)
      if let fault = checkAndRank(
        &request.ids, &weights, topK: shape.topK, experts: experts, allSlotsValid: isFull)
      {
        throw fault.error(file: file, shape: shape, request: request)
      }
      let kept = keptTokens(of: request.ids, shape: shape)
      keep(kept, of: &request.ids, width: shape.idsPerToken)
      weights = weights.map { column in
        var column = column
        keep(kept, of: &column, width: shape.idsPerToken)
        return column
      }
      prefill = min(max(0, prefill - kept.lowerBound), kept.count)
      guard !kept.isEmpty || request.tokens == 0 else { return nil }
      if !isFull {
        omissions.absent.add(request.ids, layers: shape.layers, topK: shape.topK)
        remark(on: request.ids, topK: shape.topK, file: file)
      }
      check?.note(request.ids)
      hasRequests = true
      return RequestTrace(
        name: request.name, task: request.task, prefill: prefill, ids: request.ids,
        weights: weights)
    } catch {
      throw error.inRequest(ordinal)
    }
  }

  /// What is wrong with all requests together, once the last was read; nil where nothing is.
  ///
  /// - Parameter file: what to call them in messages.
  func fault(file: String) -> ImportError? {
    if let shape, hasRequests { return check?.fault(file: file, shape: shape) }
    guard let empty = omissions.firstEmptyFile else { return nil }
    return ImportError(
      .recordedNothing, file: empty.file,
      problem: "no event of its \(empty.tokens) tokens holds an expert "
        + "(all are \(empty.filling)): the engine recorded nothing",
      remedy: ImportError.recordAgain)
  }

  /// Whether some event of the request has experts; one that has none is counted and left out.
  private mutating func hasRoutes(
    _ request: borrowing RawRequest, file: String
  ) throws(ImportError) -> Bool {
    guard request.tokens > 0, request.topK > 0, request.layers.count > 0 else { return true }
    let absence = Absence(
      experts: experts, topK: request.topK, keepsConstant: options.keepsConstant)
    let width = request.layers.count * request.topK
    for first in stride(from: 0, to: request.ids.count, by: width)
    where !absence.isAbsent(token: request.ids[first..<first + width]) { return true }
    omissions.addEmpty(
      file: file, tokens: request.tokens, filling: absence.filling(request.ids[..<width]))
    return false
  }

  /// The tokens that go into the trace: without a warm-up that is to be dropped, and without those at
  /// the end that have no route.
  private mutating func keptTokens(of ids: [UInt16], shape: TraceShape) -> Range<Int> {
    let width = shape.idsPerToken
    var end = ids.count / width
    while end > 0,
      ids[(end - 1) * width..<end * width].allSatisfy({ $0 == TokenBlock.emptySlot })
    { end -= 1 }
    omissions.trailingTokens += ids.count / width - end
    if check == nil {
      check = RecordingCheck(shape: shape, keepsConstant: options.keepsConstant)
    }
    let warmUp = check?.warmUpTokens(ids) ?? 0
    omissions.warmUpTokens += warmUp
    return min(options.dropsWarmUp ? warmUp : 0, end)..<end
  }

  /// Says so where fewer events than not are full, while only the widest of them tells top-k.
  private mutating func remark(on ids: [UInt16], topK: Int, file: String) {
    guard options.model == nil, options.topK == nil else { return }
    let events = stride(from: 0, to: ids.count, by: topK)
    let filled = events.count { ids[$0] != TokenBlock.emptySlot }
    let full = events.count { ids[$0 + topK - 1] != TokenBlock.emptySlot }
    if 2 * full < filled {
      remarks.add([.fewFull(topK: topK, full: full, events: filled)], of: file)
    }
  }

  /// Shortens a token-major column to some of its tokens.
  private func keep<Value>(_ tokens: Range<Int>, of column: inout [Value], width: Int) {
    if tokens.upperBound * width < column.count {
      column.removeSubrange((tokens.upperBound * width)...)
    }
    if tokens.lowerBound > 0 { column.removeSubrange(..<(tokens.lowerBound * width)) }
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
        remedy: request.prefill == nil
          ? "give the true length with --prefill"
          : "mend its number of prompt tokens, or take it out and give --prefill")
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
        remedy: "leave all weights out with --no-weights, or import the two kinds into two traces")
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
      } else if request.tokens == model.moeLayers.count || request.tokens == model.layers {
        throw ImportError(
          .mismatch, file: file,
          problem: "its shape is [\(request.tokens), \(count), \(request.topK)], and \(model.name) "
            + "has \(request.tokens) layers: layers come first",
          remedy: "save array.transpose(1, 0, 2): [tokens, layers, k] is read")
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

  /// Without a model, layers in which nothing was recorded are dense.
  private func routingLayers(
    _ request: borrowing RawRequest, count: Int, file: String
  ) throws(ImportError) -> [Int] {
    let absence = Absence(
      experts: experts, topK: request.topK, keepsConstant: options.keepsConstant)
    guard request.tokens > 0 else { return Array(0..<count) }
    if request.topK == 1, count > 1,
      let zero = (0..<count).first(where: { layer in
        firstToken(of: request, layer: layer, layers: count) { $0.first != 0 } == nil
      })
    {
      throw ImportError(
        .missing, file: file, layer: zero,
        problem: "it holds only expert 0: a dense layer, or a router's choice",
        remedy: "give --shape NAME, which says what layers route")
    }
    return (0..<count).filter { layer in
      firstToken(of: request, layer: layer, layers: count) { !absence.isAbsent(event: $0) } != nil
    }
  }

  /// The shape: as known before, or as this first request says.
  private mutating func settleShape(
    _ request: inout RawRequest, file: String
  ) throws(ImportError) -> TraceShape {
    let numbers: [Int]
    switch request.layers {
    case .numbered(let given): numbers = settleNumbered(given, &request)
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

  /// The numbers of a request's layers, once those that hold nothing and are not of the shape were
  /// taken out, and those that it lacks and an earlier request had were put in, absent.
  private func settleNumbered(_ given: [Int], _ request: inout RawRequest) -> [Int] {
    guard request.tokens > 0, request.topK > 0, given != shape?.modelLayers else { return given }
    let absence = Absence(
      experts: experts, topK: request.topK, keepsConstant: options.keepsConstant)
    let kept = given.indices.filter { layer in
      if let shape, shape.modelLayers.contains(given[layer]) { return true }
      return firstToken(of: request, layer: layer, layers: given.count) { event in
        shape == nil ? !absence.isAbsent(event: event) : !absence.isFilling(event: event)
      } != nil
    }
    if kept.count < given.count {
      request.ids = gather(request.ids, layers: given.count, kept: kept, topK: request.topK)
      let topK = request.topK
      request.weights = request.weights.map {
        gather($0, layers: given.count, kept: kept, topK: topK)
      }
    }
    var numbers = kept.map { given[$0] }
    if let shape, hasRequests, request.topK == shape.topK,
      numbers.allSatisfy(shape.modelLayers.contains), numbers != shape.modelLayers
    {
      let places = shape.modelLayers.map { numbers.firstIndex(of: $0) }
      let (count, topK) = (numbers.count, shape.topK)
      request.ids = spread(request.ids, count, places, topK, absent: TokenBlock.emptySlot)
      request.weights = request.weights.map { spread($0, count, places, topK, absent: 0) }
      numbers = shape.modelLayers
    }
    request.layers = .numbered(numbers)
    return numbers
  }

  /// How layer numbers differ from those expected, in words.
  private func difference(of numbers: [Int], from expected: [Int], whose: String) -> String {
    if let more = numbers.first(where: { !expected.contains($0) }) {
      return "its layer \(more) routes, but not in \(whose) (\(expected.count) MoE layers)"
    }
    let missing = expected.first { !numbers.contains($0) } ?? 0
    return "it lacks layer \(missing), which routes in \(whose) (\(expected.count) MoE layers)"
  }

  /// Drops the dense layers, in which nothing may be chosen.
  private func keepRoutingLayers(
    _ request: inout RawRequest, shape: TraceShape, file: String
  ) throws(ImportError) {
    guard case .counted(let count) = request.layers, let axis, axis.kept.count < count else {
      return
    }
    let kept = Set(axis.kept)
    let absence = Absence(
      experts: experts, topK: max(1, request.topK), keepsConstant: options.keepsConstant)
    for layer in 0..<count where !kept.contains(layer) {
      let token = firstToken(of: request, layer: layer, layers: count) {
        !absence.isFilling(event: $0)
      }
      if let token {
        throw ImportError(
          .mismatch, file: file, token: token, layer: layer,
          problem:
            "expert ids in a layer that is dense in \(options.model?.name ?? "the first request")",
          remedy: "give the shape of the model that was traced")
      }
    }
    let topK = request.topK
    request.ids = gather(request.ids, layers: count, kept: axis.kept, topK: topK)
    request.weights = request.weights.map {
      gather($0, layers: count, kept: axis.kept, topK: topK)
    }
    request.layers = .numbered(shape.modelLayers)
  }

  /// The first token whose event in a layer is one that `isWanted`; nil where none is.
  private func firstToken(
    of request: borrowing RawRequest, layer: Int, layers: Int,
    where isWanted: (ArraySlice<UInt16>) -> Bool
  ) -> Int? {
    let topK = request.topK
    guard topK > 0 else { return nil }
    for at in stride(from: layer * topK, to: request.ids.count, by: layers * topK)
    where isWanted(request.ids[at..<at + topK]) { return at / (layers * topK) }
    return nil
  }

  /// A shape of these numbers; its fault is told of the file.
  private static func shape(
    model: String, modelLayers: [Int], experts: Int, topK: Int, file: String
  ) throws(ImportError) -> TraceShape {
    do {
      return try TraceShape(model: model, modelLayers: modelLayers, experts: experts, topK: topK)
    } catch {
      throw ImportError(
        .invalid, file: file, problem: "\(error)",
        remedy: "give the shape of the model that was traced, or its --experts and --top-k"
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

/// A token-major column with a layer at each of `places`: the column's own layer of that ordinal, or,
/// where that is nil, one of nothing but `absent`.
private func spread<Value>(
  _ column: [Value], _ layers: Int, _ places: [Int?], _ topK: Int, absent: Value
) -> [Value] {
  var result: [Value] = []
  result.reserveCapacity(column.count / max(1, layers) * places.count)
  for token in stride(from: 0, to: column.count, by: max(1, layers * topK)) {
    for place in places {
      if let place {
        result += column[token + place * topK..<token + (place + 1) * topK]
      } else {
        result += repeatElement(absent, count: topK)
      }
    }
  }
  return result
}
