import RoutingTrace

/// Holds every imported request against the shape, whichever format it comes from: the shape that
/// the options give, or the one of the first request.
struct RequestValidator {
  /// The shape, once it is known.
  var shape: TraceShape?
  /// Whether requests have gate weights, once one was seen.
  private(set) var isWeighted: Bool?

  /// What the user says of the traces.
  let options: ImportOptions
  /// Experts of a layer (E).
  let experts: Int
  /// Layers on the axis of requests whose layers have no numbers, and those kept of them.
  var axis: (count: Int, kept: [Int])?
  /// Whether a request went into the trace.
  var hasRequests = false
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

  /// The request as the shape wants it: routing layers only, ids checked, in descending gate
  /// weight, what is absent in empty slots.
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

  /// The tokens that go into the trace: without a warm-up that is to be dropped, and without those
  /// at the end that have no route.
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

  /// A shape of these numbers; its fault is told of the file.
  static func shape(
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
