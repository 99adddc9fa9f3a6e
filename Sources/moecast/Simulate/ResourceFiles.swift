import ArgumentParser
import DurableFile
import Wafer

/// Files that show what the resources of one configuration did.
struct ResourceFiles: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Write how busy dies, memories and links were: *.svg, a map of the system; *.csv, a table.
      """, valueName: "file"))
  var loadMap: String?

  @Option(
    help: ArgumentHelp(
      """
      Event engine: write what every die, memory and link did in one layer of the first counted \
      step, as Chrome trace events (*.json, for ui.perfetto.dev).
      """, valueName: "file"))
  var timeline: String?

  @Option(
    help: ArgumentHelp("Layer of --timeline, counted from 0; default: 0.", valueName: "layer"))
  var timelineLayer: Int?

  @OptionGroup var force: ForceOption

  func validate() throws {
    try refuse(
      [("--timeline-layer", timelineLayer != nil)], unless: timeline != nil, "it is for --timeline")
    try refuse([("--force", force.force)], unless: isGiven, "no file is written")
    guard timelineLayer ?? 0 >= 0 else {
      throw ValidationError("--timeline-layer is counted from 0")
    }
    guard loadMap.map({ $0.hasSuffix(".svg") || $0.hasSuffix(".csv") }) ?? true else {
      throw ValidationError("--load-map is a file *.svg or *.csv")
    }
    guard timeline?.hasSuffix(".json") ?? true else {
      throw ValidationError("--timeline is a file *.json")
    }
  }

  /// Whether any file is asked for.
  var isGiven: Bool { loadMap != nil || timeline != nil }

  /// Refuses them for several configurations, and a timeline where nobody knows when things happen.
  func check(configurations: Int, _ engine: EngineChoice.Name, isStaged: Bool) throws {
    guard isGiven else { return }
    try refuse(
      [("--timeline", timeline != nil)], unless: !isStaged,
      "it shows the paper's strategies, not staged layers")
    guard configurations == 1 else {
      throw ValidationError(
        "--load-map and --timeline are of one configuration, not \(configurations); name one"
          + " --wafer, one --batch, one --strategy, and of forecasts one")
    }
    try refuse(
      [("--timeline", timeline != nil)], unless: engine == .event,
      "the bound engine knows no order in a layer; add --engine event")
  }

  /// Writes the files asked for.
  ///
  /// - Parameter inputs: Files that must not be replaced.
  func write(_ run: SimulatedRun, _ title: String, inputs: [String]) throws {
    if let loadMap {
      let map = run.loadMap
      try write(
        loadMap.hasSuffix(".csv") ? map.csv : map.svg(title: title), to: loadMap,
        .figure(inputs: inputs, force: force))
    }
    if let timeline, let spans = run.timeline {
      try write(
        TraceEvents(spans, on: run.system.hardware).json, to: timeline,
        .figure(inputs: inputs, force: force))
    }
  }

  private func write(_ text: String, to path: String, _ rule: OutputRule) throws {
    let sink = try OutputSink(path, rule)
    try sink.write(Array(text.utf8))
    try sink.commit()
  }
}
