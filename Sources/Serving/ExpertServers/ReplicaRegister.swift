/// Which servers answer for which experts, as every client is told: by number of the expert's key
/// (``Demand/ByExpert/number(of:)``).
struct ReplicaRegister {
  /// By key: the servers, in the order in which they registered.
  private(set) var holders: [[Int]]

  init(keys: Int) { holders = Array(repeating: [], count: keys) }

  /// The server answers for the expert from now on.
  mutating func register(_ server: Int, for key: Int) {
    if !holders[key].contains(server) { holders[key].append(server) }
  }

  /// It does so no more.
  mutating func strike(_ server: Int, for key: Int) { holders[key].removeAll { $0 == server } }

  /// Strikes a server off for all experts.
  ///
  /// - Complexity: O(keys * replicas).
  mutating func strike(_ server: Int) { for key in holders.indices { strike(server, for: key) } }
}
