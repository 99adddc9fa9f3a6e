/// Puts a plan together from requests given to (expert, die) pairs: a task a pair, in the order in
/// which pairs first got a request. Sources are set later
/// (``Swift/Array/setSources(_:nearest:on:)``).
struct PlanBuilder {
  private(set) var tasks: [ExpertTask] = []
  /// Every pair's place in `tasks`, or -1.
  private var place: [Int32]
  private let dies: Int

  init(experts: Int, dies: Int) {
    place = Array(repeating: -1, count: experts * dies)
    self.dies = dies
  }

  mutating func give(_ requests: Int, of expert: Int, to die: Int) {
    let pair = expert * dies + die
    if place[pair] < 0 {
      place[pair] = Int32(tasks.count)
      tasks.append(ExpertTask(expert: expert, die: die, requests: 0, source: die))
    }
    tasks[Int(place[pair])].requests += Int32(requests)
  }
}
