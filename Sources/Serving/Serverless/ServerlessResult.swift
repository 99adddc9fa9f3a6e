import Wafer

/// What serving by a policy came to.
public struct ServerlessResult: Hashable, Sendable {
  /// What requests saw.
  public internal(set) var served = ServingResult()
  /// Seconds of every MoE layer of every step, waits for experts among them.
  public internal(set) var layerSeconds = ServingResult.Times()
  /// The part of these in which a layer waited for experts to arrive.
  public internal(set) var waitSeconds = 0.0
  /// Gigabytes of experts in GPUs' memories times seconds, the whole model's.
  public internal(set) var gigabyteSeconds = 0.0
  /// Gigabytes held at once, at most.
  public internal(set) var peakGigabytes = 0.0
  /// Gigabytes of experts that were moved into GPUs' memories while requests were served.
  public internal(set) var movedGigabytes = 0.0
  /// Seconds that these moves would take one after another, each alone on the links.
  public internal(set) var moveSeconds = 0.0
  /// Seconds in which serving stood still for moves, of a policy that does nothing beside them.
  public internal(set) var pauseSeconds = 0.0
  /// Experts that a layer had to have brought, and those that were still on their way.
  public internal(set) var coldStarts = 0
  public internal(set) var lateArrivals = 0
  /// Experts that layers asked for, and replicas that computed them.
  public internal(set) var asked = 0
  public internal(set) var replicas = 0
  /// Requests that experts computed.
  public internal(set) var requests = 0
  /// How right the loads were forecast, so many layers ahead as the options say.
  public internal(set) var accuracy = LoadAccuracy()
  /// How right they were forecast of the next step's first layers.
  public internal(set) var nextStepAccuracy = LoadAccuracy()

  /// Takes in the tasks of a layer that asked for so many experts.
  mutating func count(_ tasks: [ExpertTask], asked: Int) {
    self.asked += asked
    replicas += tasks.count
    requests += tasks.reduce(0) { $0 + Int($1.requests) }
  }

  /// Replicas of an expert asked for, on average.
  public var replicasPerExpert: Double { Double(replicas) / Double(max(1, asked)) }
  /// The share of experts asked for that a layer waited for.
  public var coldShare: Double { Double(coldStarts + lateArrivals) / Double(max(1, asked)) }
  /// Gigabytes held on average, from the first arrival to the last token.
  public var meanGigabytes: Double {
    served.seconds > 0 ? gigabyteSeconds / served.seconds : 0
  }
}
