/// The copies that the predicting strategies make: dies keep what they read and expect to need
/// again.
///
/// Layer by layer, it holds the experts that each die has copied, and the rule that adds more.
struct PredictedCopies {
  /// Copies that a die may hold in one layer.
  let roomPerLayer: [Int]
  /// By layer and die: experts, the oldest copy first.
  private var held: [[[Int]]]
  private let dies: Int

  init(layers: Int, dies: Int, roomPerLayer: [Int]) {
    self.roomPerLayer = roomPerLayer
    self.dies = dies
    held = Array(repeating: Array(repeating: [], count: dies), count: layers)
  }

  /// Adds the dies' copies of a layer's experts to `holders`.
  func add(to holders: inout Holders, layer: Int) {
    for (die, experts) in held[layer].enumerated() {
      for expert in experts { holders.add(die: die, expert: expert) }
    }
  }

  /// Copies the experts that a die just read from elsewhere and that follow one of its experts,
  /// most expected requests first, as far as there is room.
  mutating func extend(
    with plan: [ExpertTask], layer: Int, by followers: Followers
  ) -> [ExpertCopy] {
    var own: [[ExpertTask]] = Array(repeating: [], count: dies)
    for task in plan { own[Int(task.die)].append(task) }
    var made: [ExpertCopy] = []
    // Many dies compute the same experts.
    var following: [Int32: [UInt16]] = [:]
    for die in 0..<dies {
      let room = roomPerLayer[die] - held[layer][die].count
      guard room > 0 else { continue }
      var expected: Set<UInt16> = []
      for task in own[die] {
        let next =
          following[task.expert] ?? followers.followers(layer: layer, expert: Int(task.expert))
        following[task.expert] = next
        expected.formUnion(next)
      }
      let candidates = own[die].compactMap { task -> (requests: Double, expert: Int)? in
        guard Int(task.source) != die, expected.contains(UInt16(task.expert)) else { return nil }
        let requests = own[die].reduce(0.0) { sum, from in
          sum + Double(from.requests)
            * followers.share(
              layer: layer, expert: Int(from.expert), follower: Int(task.expert))
        }
        return (requests, Int(task.expert))
      }
      let best = candidates.sorted { (-$0.requests, $0.expert) < (-$1.requests, $1.expert) }
      for candidate in best.prefix(room) {
        held[layer][die].append(candidate.expert)
        made.append(ExpertCopy(die: die, expert: candidate.expert))
      }
    }
    return made
  }
}
