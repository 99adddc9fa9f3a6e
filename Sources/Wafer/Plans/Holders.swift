/// The nodes that hold each expert of one layer, its home first.
///
/// ```swift
/// // Expert 0 on die 1; expert 1 on die 0, with a copy on die 1.
/// let holders = Holders([[1], [0, 1]])
/// ```
public struct Holders: Hashable, Sendable {
  private var nodes: [[Int]]

  /// The nodes of every expert: dies, or the host, the home first.
  public init(_ nodes: [[Int]]) { self.nodes = nodes }

  /// Homes alone.
  public init(homes: [Int]) { nodes = homes.map { [$0] } }

  /// Experts of the layer (E).
  public var experts: Int { nodes.count }

  /// The nodes that hold an expert, its home first.
  public subscript(expert: Int) -> [Int] { nodes[expert] }

  /// The node where an expert's weights lie for good.
  package func home(of expert: Int) -> Int { nodes[expert][0] }

  /// Adds a copy.
  package mutating func add(die: Int, expert: Int) { nodes[expert].append(die) }

  /// Whether a die holds an expert.
  package func holds(_ expert: Int, at die: Int) -> Bool { nodes[expert].contains(die) }

  /// Whether every task finds its expert where it wants to read it.
  package func serve(_ plan: [ExpertTask]) -> Bool {
    plan.allSatisfy { holds(Int($0.expert), at: Int($0.source)) }
  }
}
