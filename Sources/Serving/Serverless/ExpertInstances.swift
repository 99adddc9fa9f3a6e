import Demand
import Wafer

/// The experts that lie in GPUs' memories, or are on their way there: loaded when somebody asks,
/// unloaded when nobody has used or expected them for a while.
///
/// An instance takes memory from the moment at which its weights set out until it is unloaded. No GPU
/// ever holds more than it has room for.
struct ExpertInstances {
  /// One expert on one GPU.
  struct Instance {
    let gpu: Int
    /// When its weights set out.
    let since: Double
    /// When they are there.
    let ready: Double
    /// Until when it stays unless it is used or expected again.
    var lease: Double
    /// Whether its layer's next turn is expected to use it: it stays until then.
    var isAwaited = false
    /// The layer's turn that counts on it, which nobody may unload.
    var pinned = -1
  }

  /// What a run's loading and holding of experts came to.
  struct Account {
    /// Seconds that instances were held, all together.
    var heldSeconds = 0.0
    /// Instances held at once, at most.
    var peak = 0
    /// Instances loaded.
    var loads = 0
    /// Instances unloaded to make room before their time.
    var evictions = 0
    /// Seconds that loads would take one after another, each alone on the links.
    var loadSeconds = 0.0
  }

  /// Experts that a GPU has room for.
  let rooms: Int
  private(set) var account = Account()
  /// The memory behind the GPUs that has all experts for good.
  private let store: Int
  private var transfers: WeightTransfers
  private var held: ByExpert<[Instance]>
  private var used: [Int]
  /// No lease ends before.
  private var firstLeaseEnd = Double.infinity
  private var turn = 0
  /// Instances of the turn that counts on them, by GPU.
  private var pins: [Int]

  /// - Parameters:
  ///   - rooms: Experts that a GPU has room for.
  ///   - store: The node that has all experts for good.
  init(
    layers: Int, experts: Int, rooms: Int, store: Int, expert: ExpertCost, on fabric: Fabric
  ) {
    self.rooms = rooms
    self.store = store
    transfers = WeightTransfers(expert, on: fabric)
    held = ByExpert(repeating: [], layers: layers, experts: experts)
    used = Array(repeating: 0, count: fabric.dies)
    pins = used
  }

  /// Instances of an expert, those that are on their way among them.
  subscript(key: ExpertKey) -> [Instance] { held[key] }

  /// Instances on all GPUs.
  var count: Int { used.reduce(0, +) }

  /// Instances on one GPU.
  func count(on gpu: Int) -> Int { used[gpu] }

  /// Instances of a layer, by GPU.
  func counts(ofLayer layer: Int) -> [Int] {
    var counts = Array(repeating: 0, count: used.count)
    for number in held.numbers(ofLayer: layer) {
      for instance in held.values[number] { counts[instance.gpu] += 1 }
    }
    return counts
  }

  /// Another layer is about to be served: what the last one counted on may go again.
  mutating func beginTurn() {
    turn += 1
    for gpu in pins.indices { pins[gpu] = 0 }
  }

  /// Keeps an expert's instance for the rest of the turn.
  mutating func pin(_ key: ExpertKey, on gpu: Int) {
    guard let index = held[key].firstIndex(where: { $0.gpu == gpu }),
      held[key][index].pinned != turn
    else { return }
    held[key][index].pinned = turn
    pins[gpu] += 1
  }

  /// Whether a GPU could take another expert of this turn, were all others unloaded.
  func couldTake(_ gpu: Int) -> Bool { pins[gpu] < rooms }

  /// Keeps an expert's instances for its layer's next turn; those on other GPUs than `chosen` go when
  /// it is over, unless it uses them.
  mutating func await(_ key: ExpertKey, on chosen: [Bool]) {
    for index in held[key].indices {
      held[key][index].isAwaited = true
      if !chosen[held[key][index].gpu] { held[key][index].lease = -.infinity }
    }
  }

  /// A layer's turn is over, or will not come: what was expected of it stays for `seconds` more, what
  /// was not goes.
  mutating func release(layer: Int, at now: Double, keep seconds: Double) {
    for number in held.numbers(ofLayer: layer) {
      for index in held.values[number].indices where held.values[number][index].isAwaited {
        held.values[number][index].isAwaited = false
        let old = held.values[number][index].lease
        let lease = old < 0 ? now : max(old, now + seconds)
        held.values[number][index].lease = lease
        firstLeaseEnd = min(firstLeaseEnd, lease)
      }
    }
  }

  /// Keeps an expert's instance until `time` at least.
  mutating func keep(_ key: ExpertKey, on gpu: Int, until time: Double) {
    guard let index = held[key].firstIndex(where: { $0.gpu == gpu }) else { return }
    held[key][index].lease = max(held[key][index].lease, time)
  }

  /// The memories that have an expert: the store, and GPUs where it has arrived.
  func sources(of key: ExpertKey, at now: Double) -> [Int] {
    var nodes = [store]
    for instance in held[key] where instance.ready <= now { nodes.append(instance.gpu) }
    return nodes
  }

  /// When an expert asked for now would be on a GPU, from whichever of its sources that is soonest.
  func arrival(from sources: [Int], to gpu: Int, at now: Double) -> Double {
    sources.reduce(.infinity) { min($0, transfers.arrival(from: $1, to: gpu, at: now)) }
  }

  /// Seconds that a GPU would wait for an expert with all links to itself.
  func loadSeconds(from sources: [Int], to gpu: Int) -> Double {
    sources.reduce(.infinity) { min($0, transfers.seconds(from: $1, to: gpu)) }
  }

  /// Whether a GPU has room for one more expert.
  func hasRoom(_ gpu: Int) -> Bool { used[gpu] < rooms }

  /// Loads an expert in the background.
  ///
  /// - Precondition: Its GPU has room (``hasRoom(_:)``).
  mutating func bring(_ key: ExpertKey, to gpu: Int, at now: Double, keep seconds: Double) {
    load(key, to: gpu, at: now, keep: seconds)
  }

  /// Loads an expert that a layer waits for, pins it, and unloads what has to make room: what is
  /// wanted no longer first.
  ///
  /// - Precondition: The GPU could take it (``couldTake(_:)``).
  /// - Returns: When it is there.
  mutating func demand(_ key: ExpertKey, to gpu: Int, at now: Double, keep seconds: Double)
    -> Double
  {
    if !hasRoom(gpu) { evict(from: gpu, at: now) }
    let ready = load(key, to: gpu, at: now, keep: seconds)
    pin(key, on: gpu)
    return ready
  }

  @discardableResult
  private mutating func load(
    _ key: ExpertKey, to gpu: Int, at now: Double, keep seconds: Double
  ) -> Double {
    let source =
      sources(of: key, at: now).min {
        (transfers.arrival(from: $0, to: gpu, at: now), $0)
          < (transfers.arrival(from: $1, to: gpu, at: now), $1)
      } ?? store
    account.loadSeconds += transfers.seconds(from: source, to: gpu)
    let ready = transfers.move(from: source, to: gpu, at: now)
    held[key].append(Instance(gpu: gpu, since: now, ready: ready, lease: ready + seconds))
    firstLeaseEnd = min(firstLeaseEnd, ready + seconds)
    used[gpu] += 1
    account.loads += 1
    account.peak = max(account.peak, count)
    return ready
  }

  /// Unloads the instance of a GPU whose lease ends first, of those on which the turn does not count.
  private mutating func evict(from gpu: Int, at now: Double) {
    var victim: (lease: Double, number: Int, index: Int)?
    for number in held.values.indices {
      for (index, instance) in held.values[number].enumerated()
      where instance.gpu == gpu && instance.pinned != turn {
        if victim.map({ instance.lease < $0.lease }) ?? true {
          victim = (instance.lease, number, index)
        }
      }
    }
    guard let victim else { return }
    unload(number: victim.number, index: victim.index, at: now)
    account.evictions += 1
  }

  /// Unloads every instance whose lease has ended, at the time at which it did.
  ///
  /// - Complexity: O(layers * experts) where a lease may have ended since the last call.
  mutating func unloadExpired(at now: Double) {
    guard firstLeaseEnd < now else { return }
    firstLeaseEnd = .infinity
    for number in held.values.indices {
      for index in held.values[number].indices.reversed() {
        let instance = held.values[number][index]
        if instance.isAwaited { continue }
        if instance.lease < now && instance.pinned != turn {
          unload(number: number, index: index, at: instance.lease)
        } else {
          firstLeaseEnd = min(firstLeaseEnd, instance.lease)
        }
      }
    }
  }

  /// Unloads everything that is left, at the end of a run.
  mutating func close(at now: Double) {
    beginTurn()
    unloadExpired(at: now)
    for number in held.values.indices {
      for index in held.values[number].indices.reversed() {
        unload(number: number, index: index, at: now)
      }
    }
  }

  private mutating func unload(number: Int, index: Int, at time: Double) {
    let instance = held.values[number].remove(at: index)
    used[instance.gpu] -= 1
    account.heldSeconds += time - instance.since
  }
}
