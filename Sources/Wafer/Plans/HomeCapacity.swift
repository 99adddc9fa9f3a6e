import RoutingTrace

extension ExpertPlacement {
  /// Why a model's experts do not fit where they lie for good, in words for the user, and what
  /// would fit; nil where they do.
  ///
  /// Every die's HBM is held against the experts placed there, all layers of the model counted;
  /// those that live behind the dies against the memories there.
  ///
  /// - Parameter rule: By which experts were placed; nil where a program placed them.
  package func shortage(
    of model: ModelShape, expert: ExpertCost, by rule: HomePlacement?, on fabric: Fabric
  ) -> String? {
    let layers = Double(model.moeLayers.count)
    let all = layers * Double(model.experts) * expert.weightBytes
    let system = fabric.hardware
    if system.usableHBM < 0 {
      return "of a die's HBM on \(system.name), \(gigabytes(system.hbmCapacity)), the system keeps"
        + " \(gigabytes(system.hbmReserved * system.hbmCapacity)) and KV cache and weights beside"
        + " experts take \(gigabytes(system.hbmOtherBytes)); take smaller batches, a shorter context,"
        + " or more dies"
    }
    let ending = "; ignore the capacity (--ignore-capacity) to simulate it all the same"
    if let last = fabric.tiers.last {
      let placed = self.layers.reduce(0) { sum, holders in
        (0..<holders.experts).reduce(sum) {
          $0 + (holders[$1].contains(fabric.nodes - 1) ? 1 : 0)
        }
      }
      let share = Double(placed) / Double(max(1, self.layers.count))
      let inLast = share * expert.weightBytes * layers
      guard inLast > last.capacity else {
        return dieShortage(of: model, expert: expert, by: rule, on: fabric, all: all, ending)
      }
      let rooms =
        (system.expertHome == .hbm
          ? [
            "\(gigabytes(system.usableHBM * system.hbmHomeFraction * Double(fabric.dies))) on dies"
          ]
          : [])
        + fabric.tiers.map { "\(gigabytes($0.capacity)) in the \($0.name)" }
      let room = "\(system.name) has \(rooms.joined(separator: ", "))"
      let rest = all - inLast
      let fitting = formats(of: model, below: expert) { $0 * layers * Double(model.experts) }
        .first { $0.bytes <= rest + last.capacity }
      return "the experts of \(model.name) take \(gigabytes(all)), but \(room)"
        + (fitting.map { "; in \($0.name) they would take \(gigabytes($0.bytes))" } ?? "") + ending
    }
    return dieShortage(of: model, expert: expert, by: rule, on: fabric, all: all, ending)
  }

  /// Why what is placed on dies does not fit there; parameters as of
  /// ``shortage(of:expert:by:on:)``, and `all` experts' bytes.
  private func dieShortage(
    of model: ModelShape, expert: ExpertCost, by rule: HomePlacement?, on fabric: Fabric,
    all: Double, _ ending: String
  ) -> String? {
    let layers = Double(model.moeLayers.count)
    let system = fabric.hardware
    let spare = spareBytes(
      modelLayers: model.moeLayers.count, expert: expert, on: fabric)
    guard let least = spare.min(), least < 0, let die = spare.firstIndex(of: least) else {
      return nil
    }
    let usable = system.usableHBM
    var remedies: [String] = []
    let fullest = usable - least
    if let fitting = formats(of: model, below: expert, size: { $0 / expert.weightBytes * fullest })
      .first(where: { $0.bytes <= usable })
    {
      remedies.append("they fit in \(fitting.name)")
    }
    let ofOneDie = Int((usable / (layers * expert.weightBytes)).rounded(.down))
    if rule != nil, ofOneDie > 0 {
      let dies = (model.experts + ofOneDie - 1) / ofOneDie
      remedies.append("\(dies) such dies hold them as they are")
    }
    if remedies.isEmpty { remedies.append("dies need more HBM") }
    return "the experts of \(model.name) take \(gigabytes(all)), but \(system.name) has"
      + " \(gigabytes(usable * Double(fabric.dies))) for them\(beside(system)), and of die \(die)'s"
      + " \(gigabytes(usable)) they would take \(gigabytes(fullest)); "
      + remedies.joined(separator: ", or ") + ending
  }

  /// What else a die keeps, where that is anything.
  private func beside(_ system: Hardware) -> String {
    system.hbmOtherBytes > 0
      ? " beside \(gigabytes(system.hbmOtherBytes)) a die of KV cache and other weights" : ""
  }

  /// The formats smaller than what an expert is stored in, the largest first, each with what `size`
  /// makes of an expert's bytes.
  private func formats(
    of model: ModelShape, below expert: ExpertCost, size: (Double) -> Double
  ) -> [(name: String, bytes: Double)] {
    WeightFormat.allCases.map { format in
      (format.rawValue, ExpertCost(shape: model, format: format).weightBytes)
    }.filter { $0.1 < expert.weightBytes }.sorted { $0.1 > $1.1 }.map { ($0.0, size($0.1)) }
  }
}

/// `773.1 GB`.
private func gigabytes(_ bytes: Double) -> String {
  guard bytes < 1e18 else { return "\(bytes / 1e9) GB" }
  let tenths = Int((bytes / 1e8).rounded())
  return "\(tenths / 10).\(tenths % 10) GB"
}
