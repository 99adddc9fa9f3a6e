/// Moves work from the most loaded die to other holders of its experts until that helps no more.
///
/// Algorithm 1 deals experts one by one and never looks back, so copies that would relieve the
/// busiest die often stay idle. Each round takes that die, and of all its tasks and their experts'
/// other holders the move (of the whole task, or of the blocks that level the two dies) after which
/// the higher of both loads is lowest. A die's load is max(compute, memory) as the bound engine
/// counts them. Where no holder helps, a copy on the least loaded die is tried, if copies may be
/// proposed.
package struct Rebalancing {
  private let cost: ExpertCost
  private let blockSize: Int
  private let fabric: Fabric
  /// The chance that each expert's weights are read at all; nil where the plan is certain.
  package var chances: [Double]?
  /// Copies that may be proposed.
  package var proposalLimit = 0
  /// What a copy must save, as a share of a read, to be proposed.
  package var margin = 0.0

  /// Rebalances a certain plan and proposes no copies, unless told otherwise.
  ///
  /// - Parameter blockSize: Requests of a block: what is moved but for whole tasks.
  package init(cost: ExpertCost, blockSize: Int, fabric: Fabric) {
    self.cost = cost
    self.blockSize = blockSize
    self.fabric = fabric
  }

  /// Requests of a task that another die takes, and the higher of both dies' loads after that.
  private struct Move {
    var task: Int
    var to: Int
    var requests: Int32
    var highest: Double
    var isCopy: Bool
  }

  /// What the dies have to do: their tasks as places in the plan, and busy seconds.
  private struct Loads {
    var own: [[Int]]
    /// Whether a die computes an expert: a row a die, a column an expert.
    private var computes: [Bool]
    private let experts: Int
    var compute: [Double]
    var memory: [Double]

    /// Nothing to do.
    init(experts: Int, on fabric: Fabric) {
      self.experts = experts
      own = Array(repeating: [], count: fabric.dies)
      computes = Array(repeating: false, count: fabric.dies * experts)
      compute = Array(repeating: 0, count: fabric.dies)
      memory = Array(repeating: 0, count: fabric.nodes)
    }

    func load(_ die: Int) -> Double { max(compute[die], memory[die]) }

    func computes(_ expert: Int32, at die: Int) -> Bool { computes[die * experts + Int(expert)] }

    /// A die has a task, a place in the plan, of an expert.
    mutating func add(_ task: Int, of expert: Int32, to die: Int) {
      own[die].append(task)
      computes[die * experts + Int(expert)] = true
    }

    mutating func remove(_ task: Int, of expert: Int32, from die: Int) {
      own[die].removeAll { $0 == task }
      computes[die * experts + Int(expert)] = false
    }
  }

  /// Rebalances `plan`, whose sources are set.
  ///
  /// - Parameter hasRoom: Whether a die could take one more copy.
  /// - Returns: The copies proposed, most urgent first.
  @discardableResult
  package func apply(
    to plan: inout [ExpertTask], holders: Holders, hasRoom: (Int) -> Bool = { _ in false }
  ) -> [CopyProposal] {
    var holders = holders
    var proposals: [CopyProposal] = []
    var loads = Loads(experts: holders.experts, on: fabric)
    for (index, task) in plan.enumerated() {
      loads.add(index, of: task.expert, to: Int(task.die))
      loads.compute[Int(task.die)] += Double(task.requests) * perRequest
      loads.memory[Int(task.die)] += Double(task.requests) * activations
      loads.memory[Int(task.source)] += read(task.expert)
    }
    // Every round lowers one die's load; the limit only guards against very small steps.
    for _ in 0..<8 * fabric.dies {
      guard let busiest = (0..<fabric.dies).max(by: { loads.load($0) < loads.load($1) }) else {
        break
      }
      let before = loads.load(busiest)
      var best: Move?
      for index in loads.own[busiest] where plan[index].source == plan[index].die {
        for holder in holders[Int(plan[index].expert)]
        where holder != busiest && holder < fabric.dies {
          consider(index, holder, isCopy: false, plan[index], loads, busiest, before, &best)
        }
      }
      if best == nil, proposals.count < proposalLimit,
        let idle = (0..<fabric.dies).filter(hasRoom).min(by: { loads.load($0) < loads.load($1) })
      {
        for index in loads.own[busiest]
        where !holders[Int(plan[index].expert)].contains(idle) {
          consider(index, idle, isCopy: true, plan[index], loads, busiest, before, &best)
        }
      }
      guard let move = best else { break }
      if move.isCopy {
        let expert = Int(plan[move.task].expert)
        proposals.append(
          CopyProposal(
            ExpertCopy(die: move.to, expert: expert), seconds: before - move.highest, isHeld: false)
        )
        holders.add(die: move.to, expert: expert)
      }
      carryOut(move, on: &plan, &loads, busiest)
    }
    plan.removeAll { $0.requests == 0 }
    return proposals
  }

  /// Keeps the better of `best` and moving task `index` from the busiest die to `die`.
  private func consider(
    _ index: Int, _ die: Int, isCopy: Bool, _ task: ExpertTask, _ loads: Loads, _ busiest: Int,
    _ before: Double, _ best: inout Move?
  ) {
    let isThere = loads.computes(task.expert, at: die)
    let limit = isCopy ? before - margin * read(task.expert) : before * (1 - 1e-9)
    func weigh(_ requests: Int32) {
      let work = Double(requests) * perRequest
      let bytes = Double(requests) * activations
      let leaves = requests == task.requests && task.source == task.die
      let here = max(
        loads.compute[busiest] - work,
        loads.memory[busiest] - bytes - (leaves ? read(task.expert) : 0))
      let there = max(
        loads.compute[die] + work, loads.memory[die] + bytes + (isThere ? 0 : read(task.expert)))
      let highest = max(here, there)
      if highest < min(best?.highest ?? limit, limit) {
        best = Move(task: index, to: die, requests: requests, highest: highest, isCopy: isCopy)
      }
    }
    weigh(task.requests)
    let blocks = levelling(task.requests, loads.compute[busiest], loads.compute[die])
    if blocks > 0 { weigh(blocks) }
  }

  /// Moves the requests, from the busiest die, and keeps the loads up to date.
  private func carryOut(
    _ move: Move, on plan: inout [ExpertTask], _ loads: inout Loads, _ busiest: Int
  ) {
    let task = plan[move.task]
    loads.compute[busiest] -= Double(move.requests) * perRequest
    loads.memory[busiest] -= Double(move.requests) * activations
    loads.compute[move.to] += Double(move.requests) * perRequest
    loads.memory[move.to] += Double(move.requests) * activations
    plan[move.task].requests -= move.requests
    if plan[move.task].requests == 0 {
      loads.memory[Int(task.source)] -= read(task.expert)
      loads.remove(move.task, of: task.expert, from: busiest)
    }
    if let there = loads.own[move.to].first(where: { plan[$0].expert == task.expert }) {
      plan[there].requests += move.requests
    } else {
      loads.memory[move.to] += read(task.expert)
      loads.add(plan.count, of: task.expert, to: move.to)
      plan.append(
        ExpertTask(
          expert: Int(task.expert), die: move.to, requests: Int(move.requests), source: move.to))
    }
  }

  /// Seconds that an expert's weights are expected to keep a memory busy.
  private func read(_ expert: Int32) -> Double {
    fabric.hardware.writeSeconds(cost) * (chances?[Int(expert)] ?? 1)
  }

  /// Seconds of a die's memory for one request's activations.
  private var activations: Double {
    cost.activationBytesPerRequest / fabric.hardware.hbmBandwidth
  }

  /// Seconds of a die's compute for one request.
  private var perRequest: Double { fabric.hardware.secondsPerRequest(cost) }

  /// The requests in whole blocks that would level two dies' compute; 0 if those are none or all of
  /// the task's.
  private func levelling(_ requests: Int32, _ here: Double, _ there: Double) -> Int32 {
    let level = Int32(max(0, min((here - there) / 2 / perRequest, Double(requests))))
    let blocks = level / Int32(blockSize) * Int32(blockSize)
    return blocks < requests ? blocks : 0
  }
}
