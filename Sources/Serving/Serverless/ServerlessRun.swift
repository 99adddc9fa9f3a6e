import Demand
import RoutingTrace
import Wafer

/// What decides where experts lie while requests are served, and how long layers take by it.
protocol ExpertServing {
  /// A step begins.
  ///
  /// - Returns: Seconds for which serving stands still first.
  mutating func begin(_ tokens: [Int], step: Int, at now: Double) -> Double
  /// A layer is served.
  ///
  /// - Parameters:
  ///   - counts: Requests of every expert.
  ///   - chosen: The experts of every token.
  /// - Returns: Its seconds.
  mutating func serve(
    step: Int, layer: Int, counts: [Int], chosen: [UInt16], at now: Double
  ) -> Double
  /// The last token is out.
  mutating func close(at now: Double)
  /// What it came to, but for what requests saw.
  var result: ServerlessResult { get }
}

/// Experts that are brought, copied and unloaded by forecasts of their loads.
struct ServerlessRun: ExpertServing {
  private let setup: ServerlessSimulation
  private let options: ServerlessOptions
  private let placement: LayerPlacement
  private let layers: Int
  /// Bytes of the model's experts where the run holds one of its own.
  private let bytesPerInstance: Double
  private(set) var instances: ExpertInstances
  private var loads: BatchLoads
  /// By layer: what was expected of its next turn; nil for nothing.
  private var expected: [[Double]?]
  /// The mean of layers' seconds so far.
  private var layerSeconds = 0.0
  /// When the last step began, and when its last layer ended.
  private var lastStep: (began: Double, ended: Double)?
  private var served = 0
  private(set) var result = ServerlessResult()

  init(
    _ setup: ServerlessSimulation, _ options: ServerlessOptions, _ loads: BatchLoads, layers: Int,
    rooms: Int, store: Int
  ) {
    self.setup = setup
    self.options = options
    self.loads = loads
    self.layers = layers
    placement = LayerPlacement(setup.expert, options, on: setup.fabric)
    bytesPerInstance =
      setup.expert.weightBytes * Double(setup.model.moeLayers.count) / Double(layers)
    instances = ExpertInstances(
      layers: layers, experts: setup.model.experts, rooms: rooms, store: store,
      expert: setup.expert, on: setup.fabric)
    expected = Array(repeating: nil, count: layers)
  }

  mutating func begin(_ tokens: [Int], step: Int, at now: Double) -> Double {
    loads.begin(tokens)
    // What was expected of a next step has not come where serving paused for longer than a step.
    if let lastStep, now - lastStep.ended > lastStep.ended - lastStep.began {
      for layer in 0..<layers {
        instances.release(layer: layer, at: lastStep.ended, keep: options.keepAlive)
        expected[layer] = nil
      }
    }
    lastStep = (now, now)
    return 0
  }

  mutating func serve(
    step: Int, layer: Int, counts: [Int], chosen: [UInt16], at now: Double
  ) -> Double {
    loads.observe(step: step, layer: layer, chosen: chosen)
    if let told = expected[layer] {
      if layer < options.distance {
        result.nextStepAccuracy.add(told, counts)
      } else {
        result.accuracy.add(told, counts)
      }
      expected[layer] = nil
    }
    let later = layer + options.distance
    if !loads.expectsNothing, later < layers {
      prepare(loads.later(later), layer: later, at: now, turns: options.distance)
    }
    let work = placement.serve(counts, layer: layer, at: now, in: &instances)
    let inTime = BoundEngine()
      .run(work.tasks, copies: [], expert: setup.expert, on: setup.fabric).seconds
    let seconds = max(inTime, work.lateSeconds)
    for task in work.tasks {
      instances.keep(
        ExpertKey(layer: layer, expert: Int(task.expert)), on: Int(task.die),
        until: now + seconds + options.keepAlive)
    }
    result.count(work.tasks, asked: counts.count { $0 > 0 })
    result.layerSeconds.add(seconds)
    result.waitSeconds += seconds - inTime
    result.coldStarts += work.coldStarts
    result.lateArrivals += work.lateArrivals
    instances.release(layer: layer, at: now + seconds, keep: options.keepAlive)
    lastStep?.ended = now + seconds
    served += 1
    layerSeconds += (seconds - layerSeconds) / Double(served)
    // The first layers of a step have none before them to be forecast from.
    if !loads.expectsNothing, layer < options.distance || options.preparesNextStep {
      prepare(loads.next(layer), layer: layer, at: now + seconds, turns: layers - 1)
    }
    return seconds
  }

  /// Brings what a layer so many turns later is expected to need.
  private mutating func prepare(_ load: [Double], layer: Int, at now: Double, turns: Int) {
    guard load.contains(where: { $0 > 0 }) else { return }
    expected[layer] = load
    let start = now + Double(turns) * (layerSeconds + setup.gapSeconds)
    placement.prepare(load, layer: layer, at: now, start: start, in: &instances)
  }

  mutating func close(at now: Double) {
    instances.close(at: now)
    let account = instances.account
    result.gigabyteSeconds = account.heldSeconds * bytesPerInstance / 1e9
    result.peakGigabytes = Double(account.peak) * bytesPerInstance / 1e9
    result.movedGigabytes = Double(account.loads) * bytesPerInstance / 1e9
    result.moveSeconds = account.loadSeconds
  }
}
