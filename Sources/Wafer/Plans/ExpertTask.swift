/// A part of one MoE layer's work: `die` computes `requests` requests of `expert`, whose weights it
/// reads from the memory `source`. Weights move, activations do not.
public struct ExpertTask: Hashable, Sendable {
  public var expert: Int32
  public var die: Int32
  public var requests: Int32
  /// The node whose memory is read; `die` itself for a local read.
  public var source: Int32

  public init(expert: Int, die: Int, requests: Int, source: Int) {
    self.expert = Int32(expert)
    self.die = Int32(die)
    self.requests = Int32(requests)
    self.source = Int32(source)
  }
}

/// Requests dealt to (expert, die) pairs, in the order in which pairs first got one.
struct PlanBuilder {
  private(set) var tasks: [ExpertTask] = []
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

/// Where the experts of a layer have their homes.
public enum HomePlacement: String, CaseIterable, Sendable {
  /// Expert e on die e * D / E: neighbours in number share a die.
  case contiguous
  /// Expert e on die e mod D.
  case roundRobin = "round-robin"

  /// The home node of every expert; the host for all where experts live there.
  public func homes(experts: Int, on fabric: Fabric) -> [Int] {
    (0..<experts).map { expert in
      if let host = fabric.host { return host }
      return self == .contiguous ? expert * fabric.dies / experts : expert % fabric.dies
    }
  }
}

/// The nodes that hold each expert of one layer, its home first, then copies by ascending die.
public struct Holders: Hashable, Sendable {
  var of: [[Int]]

  /// Homes alone.
  public init(homes: [Int]) { of = homes.map { [$0] } }

  mutating func add(die: Int, expert: Int) { of[expert].append(die) }

  func holds(_ expert: Int, at die: Int) -> Bool { of[expert].contains(die) }

  /// Whether every task finds its expert where it wants to read it.
  func serve(_ plan: [ExpertTask]) -> Bool {
    plan.allSatisfy { holds(Int($0.expert), at: Int($0.source)) }
  }
}

extension [ExpertTask] {
  /// Sets every task's source: its own die if that holds the expert, else the home, or the nearest
  /// holder (lowest number on ties) where `nearest`.
  mutating func setSources(_ holders: Holders, nearest: Bool, on fabric: Fabric) {
    for index in indices {
      let holding = holders.of[Int(self[index].expert)]
      let die = Int(self[index].die)
      if holding.contains(die) {
        self[index].source = Int32(die)
      } else if nearest {
        let hops = { (node: Int) in fabric.hops[node * fabric.nodes + die] }
        self[index].source = Int32(
          holding.min { (hops($0), $0) < (hops($1), $1) } ?? die)
      } else {
        self[index].source = Int32(holding[0])
      }
    }
  }
}
