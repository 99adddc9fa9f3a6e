/// The paper's placement by copies alone: experts lie as engines place them, neighbours together, and
/// every redundant slot takes, one after another, the copy that lowers the load of the most loaded
/// GPU most.
///
/// An expert's requests are split evenly by its copies. Where no copy lowers the highest load, the
/// slot takes the one that raises it least, and of those the one that leaves the loads most even
/// (the least sum of their squares); then the lower expert and the lower GPU.
public struct Dup: PlacementAlgorithm {
  private let time: ExpertTime

  /// The rule with this cost.
  public init(_ time: ExpertTime) { self.time = time }

  /// - Complexity: O(layers * redundant * E * G).
  public func slots(
    for evidence: PlacementEvidence, on layout: DeviceLayout
  ) throws(PlacementError) -> [[Int]] {
    evidence.loads.map { loads in
      var layer = Layer(loads, time, layout)
      while let copy = layer.best() { layer.add(copy) }
      return layer.held.flatMap(\.self)
    }
  }

  /// A copy, and what the GPUs' loads would be with it.
  private struct Copy {
    let expert: Int
    let gpu: Int
    let highest: Double
    let squares: Double

    func isBetter(than other: Copy?) -> Bool {
      other.map { (highest, squares) < ($0.highest, $0.squares) } ?? true
    }
  }

  /// A layer on the way to its placement.
  private struct Layer {
    let loads: [Double]
    let time: ExpertTime
    let slots: Int
    /// By GPU: its experts.
    var held: [[Int]]
    /// By expert: its GPUs.
    var holders: [[Int]]
    /// By GPU: seconds of its experts.
    var seconds: [Double]

    init(_ loads: [Double], _ time: ExpertTime, _ layout: DeviceLayout) {
      (self.loads, self.time, slots) = (loads, time, layout.slotsPerGPU)
      held = Array(repeating: [], count: layout.gpus)
      holders = loads.indices.map { [$0 * layout.gpus / loads.count] }
      seconds = Array(repeating: 0, count: layout.gpus)
      for (expert, gpus) in holders.enumerated() {
        held[gpus[0]].append(expert)
        seconds[gpus[0]] += time.seconds(requests: loads[expert])
      }
    }

    /// Seconds of one of so many copies of an expert.
    func share(_ expert: Int, of copies: Int) -> Double {
      time.seconds(requests: loads[expert] / Double(copies))
    }

    /// The best copy there is room for; nil where there is none.
    func best() -> Copy? {
      var best: Copy?
      for expert in loads.indices {
        let share = share(expert, of: holders[expert].count + 1)
        let relief = self.share(expert, of: holders[expert].count) - share
        // What all GPUs have once the copy takes its share off its holders.
        var (highest, squares) = (0.0, 0.0)
        for gpu in seconds.indices {
          let left = holders[expert].contains(gpu) ? seconds[gpu] - relief : seconds[gpu]
          highest = max(highest, left)
          squares += left * left
        }
        for gpu in seconds.indices
        where held[gpu].count < slots && !holders[expert].contains(gpu) {
          let sum = seconds[gpu] + share
          let copy = Copy(
            expert: expert, gpu: gpu, highest: max(highest, sum),
            squares: squares + sum * sum - seconds[gpu] * seconds[gpu])
          if copy.isBetter(than: best) { best = copy }
        }
      }
      return best
    }

    mutating func add(_ copy: Copy) {
      let copies = holders[copy.expert].count
      let share = share(copy.expert, of: copies + 1)
      for gpu in holders[copy.expert] {
        seconds[gpu] += share - self.share(copy.expert, of: copies)
      }
      seconds[copy.gpu] += share
      holders[copy.expert].append(copy.gpu)
      held[copy.gpu].append(copy.expert)
    }
  }
}
