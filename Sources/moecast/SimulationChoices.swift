import ArgumentParser
import Wafer

/// The strategies' options, with the reference's defaults.
struct SimulationChoices: ParsableArguments {
  @Option(help: "Base's rule: \(names(BaseRule.self)).")
  var baseRule = BaseRule.blocks

  @Option(help: "Requests in a block of Base and of Algorithm 1.")
  var block = 50

  @Option(help: "Homes of the experts: \(names(HomePlacement.self)).")
  var placement = HomePlacement.contiguous

  @Option(help: "Algorithm 1's cost of a block: \(names(AllocationOptions.Cost.self)).")
  var cost = AllocationOptions.Cost.completion

  @Option(help: "Algorithm 1: hops from a holder to a candidate.")
  var candidateDistance = 1

  @Option(help: "Algorithm 1: blocks an expert needs for every split.")
  var blocksPerSplit = 1

  @Flag(help: "Algorithm 1: let the cut of candidates drop every holder.")
  var cutHolders = false

  @Option(help: "Followers of an expert that count as expected at the next token.")
  var topN = 16

  @Flag(help: "Make copies beyond the HBM that homes and the system leave.")
  var ignoreCapacity = false

  func check() throws {
    guard block > 0, candidateDistance > 0, blocksPerSplit > 0, topN >= 0 else {
      throw ValidationError(
        "--block, --candidate-distance and --blocks-per-split are at least 1, --top-n at least 0")
    }
  }

  var options: StrategyOptions {
    var options = StrategyOptions()
    options.baseRule = baseRule
    options.blockSize = block
    options.placement = placement
    options.allocation.blockSize = block
    options.allocation.blocksPerSplit = blocksPerSplit
    options.allocation.candidateDistance = candidateDistance
    options.allocation.keepsHolder = !cutHolders
    options.allocation.cost = cost
    options.followers = topN
    options.enforcesCapacity = !ignoreCapacity
    return options
  }
}

/// Which engine times the layers, and how.
struct EngineChoice: ParsableArguments {
  @Option(name: .customLong("engine"), help: "bound (analytic) or event (discrete events).")
  var name = "bound"

  @Option(help: "Event engine: bytes of a chunk.")
  var chunkBytes = 4e6

  @Option(help: "Event engine: bytes a die may have asked for at once.")
  var windowBytes = 128e6

  @Option(
    help: "Event engine: order in which a die asks for its tasks: \(names(EventEngine.Order.self))."
  )
  var order = EventEngine.Order.rotated

  @Flag(help: "Event engine: leave the LLC out.")
  var noLLC = false

  @Flag(help: "Bound engine: tasks that read one expert from one memory share the read.")
  var shareReads = false

  func check() throws {
    guard ["bound", "event"].contains(name) else {
      throw ValidationError("--engine is bound or event, not '\(name)'")
    }
    guard chunkBytes > 0, windowBytes >= 0, chunkBytes.isFinite, windowBytes.isFinite else {
      throw ValidationError("--chunk-bytes must be above 0, --window-bytes at least 0")
    }
  }

  var engine: Engine {
    if name == "bound" {
      var bound = BoundEngine()
      bound.sharesReads = shareReads
      return .bound(bound)
    }
    var event = EventEngine()
    event.chunkBytes = chunkBytes
    event.windowBytes = windowBytes
    event.order = order
    event.usesLLC = !noLLC
    return .event(event)
  }
}
