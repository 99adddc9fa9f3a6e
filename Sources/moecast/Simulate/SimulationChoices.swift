import ArgumentParser
import Wafer

/// The strategies' options, with the reference's defaults.
struct SimulationChoices: ParsableArguments {
  @Option(help: ArgumentHelp("Base's rule.", valueName: "rule"))
  var baseRule = BaseRule.blocks

  @Option(
    help: ArgumentHelp("Requests in a block of Base and of Algorithm 1.", valueName: "requests"))
  var block = 50

  @Option(
    help: ArgumentHelp(
      """
      Homes of the experts: contiguous, round-robin, or a file (*.json) of SGLang's \
      physical_to_logical_map or vLLM-Ascend's layer_list, with copies.
      """, valueName: "rule"))
  var placement = PlacementChoice.rule(.contiguous)

  @Option(help: ArgumentHelp("Algorithm 1's cost of a block.", valueName: "cost"))
  var cost = AllocationOptions.Cost.completion

  @Option(help: ArgumentHelp("Algorithm 1: from a holder to a candidate.", valueName: "hops"))
  var candidateDistance = 1

  @Option(
    help: ArgumentHelp(
      "Algorithm 1: how many an expert needs for every split.", valueName: "blocks"))
  var blocksPerSplit = 1

  @Flag(help: "Algorithm 1: let the cut of candidates drop every holder.")
  var cutHolders = false

  @Option(
    help: ArgumentHelp(
      "Followers of an expert that count as expected at the next token.", valueName: "n"))
  var topN = 16

  @Flag(help: "Let homes and copies take more memory than there is.")
  var ignoreCapacity = false

  func validate() throws {
    guard block > 0, candidateDistance > 0, blocksPerSplit > 0, topN >= 0 else {
      throw ValidationError(
        "--block, --candidate-distance and --blocks-per-split are at least 1, --top-n at least 0")
    }
  }

  /// The strategies' options.
  var options: StrategyOptions {
    var options = StrategyOptions()
    options.baseRule = baseRule
    options.blockSize = block
    options.placement = placement.rule
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

extension WeightFormat: ExpressibleByArgument {}
extension BaseRule: ExpressibleByArgument {}
extension AllocationOptions.Cost: ExpressibleByArgument {}
