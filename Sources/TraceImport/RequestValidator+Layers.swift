import RoutingTrace

/// Which layers of a request route, and how they become those of the shape.
extension RequestValidator {
  /// Chooses the routing layers of an axis without numbers.
  mutating func settleLayers(
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
  mutating func settleShape(
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
  func keepRoutingLayers(
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

/// A token-major column with a layer at each of `places`: the column's own layer of that ordinal,
/// or, where that is nil, one of nothing but `absent`.
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
