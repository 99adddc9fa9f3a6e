import ArgumentParser
import Wafer

/// The strategies' options, with the reference's defaults.
struct SimulationChoices: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      A set of choices made as for the paper: P, nothing tuned (fp8, homes dealt in turn, copies \
      without a limit, 12 steps of which 8 warm up), or N, two numbers tuned to its Llama-4 (bf16, \
      --block 80, compute_efficiency .7). Options given beside it win.
      """, valueName: "preset"))
  var paper: PaperPreset?

  @Option(help: ArgumentHelp("Base's rule.", valueName: "rule"))
  var baseRule = BaseRule.blocks

  @Option(
    help: ArgumentHelp(
      "Requests in a block of Base and of Algorithm 1; default: 50.", valueName: "requests"))
  var block: Int?

  @Option(
    help: ArgumentHelp(
      """
      Homes of the experts: contiguous, round-robin, or a placement's file (SGLang's *.json and \
      *.pt, KTransformers' *.pt, vLLM's and vLLM-Ascend's JSON, TensorRT-LLM's *.yaml), with \
      copies; default: contiguous.
      """, valueName: "rule"))
  var placement: PlacementChoice?

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

  @Option(
    help: ArgumentHelp(
      """
      Copies that a die may hold of all layers, as its address translation unit has entries (512 \
      in the paper); default: as many as fit.
      """, valueName: "copies"))
  var copyEntries: Int?

  @Flag(help: "Let homes and copies take more memory than there is.")
  var ignoreCapacity = false

  func validate() throws {
    guard block ?? 1 > 0, copyEntries ?? 0 >= 0, candidateDistance > 0, blocksPerSplit > 0,
      topN >= 0
    else {
      throw ValidationError(
        "--block, --candidate-distance and --blocks-per-split are at least 1, --top-n and --copy-entries at "
          + "least 0")
    }
  }

  /// The strategies' options.
  var options: StrategyOptions {
    var options = StrategyOptions()
    options.baseRule = baseRule
    paper?.apply(to: &options)
    if let block { (options.blockSize, options.allocation.blockSize) = (block, block) }
    if let placement { options.placement = placement.rule }
    options.allocation.blocksPerSplit = blocksPerSplit
    options.allocation.candidateDistance = candidateDistance
    options.allocation.keepsHolder = !cutHolders
    options.allocation.cost = cost
    options.followers = topN
    options.copyEntries = copyEntries
    if ignoreCapacity { options.enforcesCapacity = false }
    return options
  }
}

extension SimulationChoices {
  /// What is changed of every system: the preset's, then what is given.
  func overrides(_ given: [String]) -> [String] { (paper?.overrides ?? []) + given }

  /// The steps of a simulation: those given, else the preset's, else `usual`.
  func steps(_ all: Int?, warm: Int?, usual: (all: Int, warm: Int?)) throws -> StepCounts {
    let preset = all == nil ? paper?.steps : nil
    return try StepCounts(all ?? preset?.all ?? usual.all, warm: warm ?? preset?.warm ?? usual.warm)
  }
}

extension WeightFormat: ExpressibleByArgument {}
extension PaperPreset: ExpressibleByArgument {}
extension BaseRule: ExpressibleByArgument {}
extension AllocationOptions.Cost: ExpressibleByArgument {}
