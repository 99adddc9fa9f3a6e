import Demand
import RoutingTrace
import Wafer

/// Judges placements on batches of tokens, on a system.
///
/// The token of batch slot t has its home on GPU t mod G, where the rest of the model is computed.
/// It goes once to every other GPU that computes any of its experts (dispatch), and as often a
/// result comes back (combine). A GPU computes its experts one after the other, each in its time on
/// the roofline (``ExpertTime``). Experts
/// begin when the last token has come, and results go when the last expert has ended; a phase of
/// messages takes as long as its busiest link, and the longest way's latency.
public struct PlacementJudge: Sendable {
  /// The system; its dies are the GPUs.
  public let fabric: Fabric
  /// One expert of the model.
  public let expert: ExpertCost
  /// What its requests cost a GPU.
  public let time: ExpertTime
  /// Numbers of a token's vector (h).
  public let hidden: Int
  /// Which copy computes a token.
  public var copies = CopyRule.even
  /// Bytes a number on the way to experts, and on the way back.
  public var dispatchBytes = 2.0
  public var combineBytes = 2.0

  /// A judge on a system.
  public init(_ hardware: Hardware, model: ModelShape, format: WeightFormat = .bf16) {
    fabric = Fabric(hardware)
    expert = ExpertCost(shape: model, format: format)
    time = ExpertTime(expert, on: hardware)
    hidden = model.hidden
  }

  /// Judges a placement.
  ///
  /// - Parameters:
  ///   - batches: Tokens of every step, numbered as in the pool.
  ///   - layers: Layers judged; nil for all.
  /// - Precondition: the map is of the pool's layers and experts, and of the fabric's dies.
  /// - Complexity: O(steps * layers * (batch * topK + GPUs^2)).
  public func figures(
    of map: SlotMap, on pool: RequestPool, batches: [[Int]]
  ) -> PlacementFigures {
    precondition(map.slots.count == pool.shape.layers && map.experts == pool.shape.experts)
    precondition(map.layout.gpus == fabric.dies)
    var figures = PlacementFigures(gpus: map.layout.gpus)
    for layer in 0..<pool.shape.layers {
      add(layer, of: map, on: pool, batches: batches, to: &figures)
    }
    let tokens = pool.shape.layers * batches.reduce(0) { $0 + $1.count }
    let count = Double(max(1, batches.count * pool.shape.layers))
    figures.maxOverMean /= Double(pool.shape.layers)
    figures.messagesPerToken /= Double(max(1, tokens))
    for key: WritableKeyPath<PlacementFigures, Double> in [
      \.balancedness, \.imbalance, \.dispatchBytes, \.combineBytes, \.dispatchBytesBetweenNodes,
      \.combineBytesBetweenNodes, \.expertSeconds, \.layerSeconds,
    ] {
      figures[keyPath: key] /= count
    }
    figures.traffic = figures.traffic.map { $0.map { $0 / count } }
    return figures
  }

  /// Seconds of one layer in all steps together.
  func seconds(
    of layer: Int, by map: SlotMap, on pool: RequestPool, batches: ArraySlice<[Int]>
  ) -> Double {
    var sums = PlacementFigures(gpus: map.layout.gpus)
    add(layer, of: map, on: pool, batches: Array(batches), to: &sums)
    return sums.layerSeconds
  }

  /// Adds the figures of one layer in all steps; means are made by the caller.
  private func add(
    _ layer: Int, of map: SlotMap, on pool: RequestPool, batches: [[Int]],
    to figures: inout PlacementFigures
  ) {
    var dealer = SlotDealer(map, layer: layer, rule: copies)
    var whole = Array(repeating: 0.0, count: map.layout.gpus)
    for batch in batches {
      let run = run(pool.chosen(by: batch, layer: layer), pool.shape, &dealer, map.layout)
      for gpu in whole.indices { whole[gpu] += run.loads[gpu] }
      add(run, map.layout, to: &figures)
    }
    figures.maxOverMean += GPUBalance.tensorRT(whole) + 1
  }

  /// One layer of one step.
  private struct LayerRun {
    /// Requests by GPU.
    var loads: [Double]
    /// Busy seconds by GPU.
    var seconds: [Double]
    /// `[from, to]`: messages.
    var messages: [Int]
  }

  private func run(
    _ chosen: [UInt16], _ shape: TraceShape, _ dealer: inout SlotDealer, _ layout: DeviceLayout
  ) -> LayerRun {
    let (gpus, topK, gpuOfSlot) = (layout.gpus, shape.topK, dealer.gpu)
    var requests = Array(repeating: 0, count: layout.slots)
    var messages = Array(repeating: 0, count: gpus * gpus)
    // The last token that went to each GPU.
    var visited = Array(repeating: -1, count: gpus)
    dealer.begin()
    for token in 0..<chosen.count / topK {
      let home = token % gpus
      for index in token * topK..<(token + 1) * topK where Int(chosen[index]) < shape.experts {
        let slot = dealer.slot(of: Int(chosen[index]), from: home)
        requests[slot] += 1
        let gpu = gpuOfSlot[slot]
        guard gpu != home, visited[gpu] != token else { continue }
        visited[gpu] = token
        messages[home * gpus + gpu] += 1
      }
    }
    var run = LayerRun(
      loads: Array(repeating: 0, count: gpus), seconds: Array(repeating: 0, count: gpus),
      messages: messages)
    for slot in requests.indices {
      run.loads[gpuOfSlot[slot]] += Double(requests[slot])
      run.seconds[gpuOfSlot[slot]] += time.seconds(requests: Double(requests[slot]))
    }
    return run
  }

  /// Adds the figures of one layer of one step.
  private func add(_ run: LayerRun, _ layout: DeviceLayout, to figures: inout PlacementFigures) {
    let gpus = layout.gpus
    figures.balancedness += GPUBalance.sglang(run.loads)
    figures.imbalance += GPUBalance.tensorRT(run.loads)
    let (there, back) = (Double(hidden) * dispatchBytes, Double(hidden) * combineBytes)
    var dispatch = Array(repeating: 0.0, count: fabric.links)
    var combine = dispatch
    var latency = (dispatch: 0.0, combine: 0.0)
    for from in 0..<gpus {
      for to in 0..<gpus where run.messages[from * gpus + to] > 0 {
        let count = Double(run.messages[from * gpus + to])
        figures.messagesPerToken += count
        figures.traffic[from][to] += count * there
        figures.dispatchBytes += count * there
        figures.combineBytes += count * back
        if from / layout.gpusPerNode != to / layout.gpusPerNode {
          figures.dispatchBytesBetweenNodes += count * there
          figures.combineBytesBetweenNodes += count * back
        }
        for link in fabric.way(from: from, to: to) { dispatch[Int(link)] += count * there }
        for link in fabric.way(from: to, to: from) { combine[Int(link)] += count * back }
        latency.dispatch = max(latency.dispatch, fabric.wayLatency(from: from, to: to))
        latency.combine = max(latency.combine, fabric.wayLatency(from: to, to: from))
      }
    }
    let experts = run.seconds.max() ?? 0
    figures.expertSeconds += experts
    figures.layerSeconds +=
      busiest(dispatch) + latency.dispatch + experts + busiest(combine) + latency.combine
  }

  /// Seconds of the busiest link for bytes by link.
  func busiest(_ bytes: [Double]) -> Double {
    var most = 0.0
    for link in bytes.indices { most = max(most, bytes[link] / fabric.linkBandwidth[link]) }
    return most
  }
}
