import ArgumentParser
import Demand
import LoadProfile
import MemoryBudget
import ModelFile
import Placement
import Prequential
import RoutingTrace

/// What experts are placed from: traces, a load profile or a model.
struct PlaceSource: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      """
      Traces (*.moe.lz4), folders of them; or a load profile; or a model (*.h5). A model beside \
      traces: the load that it expects after the traces' window.
      """, valueName: "file"), completion: .file())
  var named: [String] = []

  @Option(
    help: ArgumentHelp("A model (*.h5), as if it stood among the files.", valueName: "file"),
    completion: .file())
  var model: String?

  /// Everything that is placed from.
  var files: [String] { named + (model.map { [$0] } ?? []) }

  @Option(
    help: ArgumentHelp(
      """
      Tokens of traces that are placed from: prefill, decode, all; default: prefill where decoded \
      tokens follow, else all.
      """, valueName: "stages"))
  var from: TokenWindow.Stages?

  @Option(
    help: ArgumentHelp(
      """
      Of each request the tokens A to B of these stages, from 0, judged on what follows; of a load \
      profile its windows A to B.
      """, valueName: "A-B"))
  var window: String?

  @Option(help: ArgumentHelp("Tasks whose requests are taken, with commas.", valueName: "names"))
  var task: String?

  @Option(
    help: ArgumentHelp(
      "Where requests are cut: the part of them, in order, that is placed from; default: .5.",
      valueName: "part"))
  var share: Double?

  @Option(
    help: ArgumentHelp(
      "Traces to judge on, their decoded tokens where there are any; repeatable.",
      valueName: "trace"))
  var judge: [String] = []

  @Flag(help: "Judge on the very tokens that are placed from, and say so.")
  var inSample = false

  func validate() throws {
    guard !files.isEmpty else { throw ValidationError("name traces, a load profile, or a model") }
    _ = try positions()
    guard share.map({ $0 > 0 && $0 < 1 }) ?? true else {
      throw ValidationError("--share is a number between 0 and 1")
    }
    guard !inSample || judge.isEmpty else {
      throw ValidationError("give --judge or --in-sample, not both")
    }
    try refuse(
      [("--share", share != nil)], unless: judge.isEmpty && !inSample && window == nil,
      "requests are not cut with --judge, --in-sample or --window")
    guard judge.isEmpty || !files.contains(StandardStream.dash) || !judge.contains("-") else {
      throw ValidationError("standard input is read once; name files")
    }
  }

  /// The window's bounds, both within.
  func positions() throws -> Range<Int>? {
    guard let window else { return nil }
    let bounds = window.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard bounds.count == 2, let first = bounds[0], let last = bounds[1], first <= last,
      last < Int(Int32.max)
    else { throw ValidationError("--window '\(window)' is not A-B with A at most B, such as 0-63") }
    return first..<last + 1
  }

  private func tasks() throws -> Set<String> {
    guard let task else { return [] }
    return Set(try commaSeparated(task, "--task", "names of tasks") { $0 })
  }

  /// Sorts the files by kind, and reads them.
  ///
  /// - Throws: `TraceError`, `ModelError`, `LoadProfileError`, `PlacementError`, `MemoryShortage`;
  ///   `ValidationError` where they do not go together.
  func read() throws -> PlaceMaterial {
    let profiles = files.filter { LoadProfile.isProfile($0) }
    let models = files.filter { !profiles.contains($0) && Checkpoint.isModel($0) }
    let traces = files.filter { !profiles.contains($0) && !models.contains($0) }
    guard profiles.count + models.count <= 1, profiles.isEmpty || traces.isEmpty else {
      throw ValidationError(
        "give traces, one load profile, or one model, or a model beside traces")
    }
    let isToken = !traces.isEmpty
    try refuse(
      [
        ("--from", from != nil), ("--task", task != nil), ("--share", share != nil),
        ("--in-sample", inSample),
      ], unless: isToken, "it is for tokens of traces")
    try refuse(
      [("--window", window != nil)], unless: isToken || !profiles.isEmpty,
      "a model has no windows")
    let later = judge.isEmpty ? nil : try Self.tokens(of: judge).decodedOrAll
    let model = try models.first.map { (try Checkpoint.read($0).learner, $0) }
    if isToken {
      let cut = try cut(try Self.tokens(of: traces), later: later)
      return PlaceMaterial(source: .tokens(cut, model: model), judged: cut.later)
    }
    if let model { return PlaceMaterial(source: .model(model.0, model.1), judged: later) }
    let profile = try LoadProfile(path: profiles[0])
    return PlaceMaterial(source: .profile(profile, try positions(), profiles[0]), judged: later)
  }

  private func cut(_ tokens: PlacementTokens, later: RequestPool?) throws -> EarlierAndLater {
    let pool = tokens.pool
    let prompts = pool.prompts.reduce(0, +)
    let hasBoth = prompts > 0 && prompts < pool.tokens
    let stages = from ?? (hasBoth && later == nil && !inSample ? .prefill : .all)
    try refuse(
      [("--share", share != nil)], unless: stages != .prefill,
      "prompts are followed by their own decoded tokens")
    let window = TokenWindow(stages, positions: try positions(), tasks: try tasks())
    if let later {
      guard later.shape.isCompatible(with: pool.shape) else {
        throw TraceError(
          .shapeMismatch, file: judge[0], problem: "it has \(later.shape), not \(pool.shape)",
          remedy: "judge on traces of the same model")
      }
      return try EarlierAndLater(tokens, window: window, judgedOn: later)
    }
    return try EarlierAndLater(tokens, window: window, share: share ?? 0.5, inSample: inSample)
  }

  /// All tokens of traces.
  private static func tokens(of traces: [String]) throws -> PlacementTokens {
    var stream = try TraceStream(traces)
    var collector = PlacementTokens.Collector(shape: stream.shape)
    let memory = AvailableMemory.ofThisProcess()
    while let chunk = try stream.next() {
      collector.add(chunk.block)
      try memory.check(collector.memoryDemand)
    }
    complain(of: stream.remarks)
    return collector.tokens()
  }
}

extension TokenWindow.Stages: ExpressibleByArgument {}
