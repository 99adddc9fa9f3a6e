/// A GPU that holds experts, and answers whoever sends it tokens for them.
struct ExpertServer {
  /// What it does.
  enum State {
    /// Loads its first weights; nobody knows of it.
    case booting
    case serving
    /// Answers what it was asked, and is asked no more.
    case draining
    /// Lost or sent away.
    case gone
  }

  /// An expert to load from the host, and the one that it takes the place of.
  struct Load {
    let key: Int
    let replaces: Int?
  }

  var state = State.booting
  /// Experts that it has room for.
  let capacity: Int
  /// By key: whether its weights are here.
  private(set) var holds: [Bool]
  /// Experts that are here.
  private(set) var held = 0
  /// What waits to be loaded, and what is loaded now.
  private(set) var loads: [Load] = []
  private(set) var loading: Load?
  /// The most experts that its memory ever held, one that is loaded among them.
  private(set) var most = 0

  /// Messages that wait for their turn, and those that are computed.
  var waiting: [Int] = []
  var inService: [Int] = []
  /// Messages sent to it that are not at their end.
  var outstanding = 0
  /// When it is done with `inService`.
  var servedAt = 0.0
  var busySeconds = 0.0
  /// From when until when it is paid for.
  let since: Double
  var until: Double?
  /// When its link out and its link in are free.
  var out = 0.0
  var into = 0.0

  init(keys: Int, capacity: Int, since: Double) {
    self.capacity = capacity
    self.since = since
    holds = Array(repeating: false, count: keys)
  }

  /// Whether it answers, if it is asked.
  var isThere: Bool { state == .serving || state == .draining }

  /// Experts that it will have room for beside those here and promised.
  var room: Int {
    let promised = loads.count { $0.replaces == nil } + (loading == nil ? 0 : 1)
    return capacity - held - promised
  }

  /// The experts that are here; of a lost server those that were.
  var heldKeys: [Int] { holds.indices.filter { holds[$0] } }

  /// Whether an expert is on its way.
  func isLoading(_ key: Int) -> Bool {
    loading?.key == key || loads.contains { $0.key == key }
  }

  /// Whether an expert is here or on its way.
  func has(_ key: Int) -> Bool { holds[key] || isLoading(key) }

  mutating func take(_ key: Int) {
    guard !holds[key] else { return }
    holds[key] = true
    held += 1
    most = max(most, held)
  }

  private mutating func drop(_ key: Int) {
    guard holds[key] else { return }
    holds[key] = false
    held -= 1
  }

  mutating func enqueue(_ load: Load) { loads.append(load) }

  /// Begins the next load, which takes the room of the one it replaces; false where there is none,
  /// or one runs.
  mutating func beginLoad() -> Bool {
    guard loading == nil, !loads.isEmpty else { return false }
    let load = loads.removeFirst()
    if let replaced = load.replaces { drop(replaced) }
    loading = load
    most = max(most, held + 1)
    return true
  }

  /// Ends it.
  mutating func endLoad() -> Int? {
    guard let load = loading else { return nil }
    loading = nil
    take(load.key)
    return load.key
  }

  /// Is lost or leaves, with all that waits; what it held is remembered.
  mutating func end(at time: Double) {
    if !inService.isEmpty { busySeconds -= max(0, servedAt - time) }
    state = .gone
    until = time
    (loads, loading, waiting, inService) = ([], nil, [], [])
  }
}
