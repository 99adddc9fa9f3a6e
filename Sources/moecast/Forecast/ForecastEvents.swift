import ArgumentParser
import Export
import ModelFile
import Prequential
import RoutingTrace
import SystemPackage

/// `moecast forecast`: the experts that a model expects, event by event.
struct ForecastEvents: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "forecast",
    abstract: "Writes the experts that a model expects, event by event.",
    discussion: """
      Every forecast is made before its layer is known: from the token's earlier layers and the \
      request's earlier tokens. A predictor such as mixture:h2 forecasts two layers ahead. The \
      model stays frozen unless --learn is given; then every token is learnt when it is known.

      Formats (--to, or by the output's suffix):
      \(ForecastFormats.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))

      With --live an engine asks on standard input, a JSON object a line, and is answered on \
      standard output, a line each, at once:
        {"request": 7, "stage": "decode"}                the first layer's forecast, please
        {"request": 7, "layer": 0, "experts": [5, 2]}    this was chosen: the next one's forecast
        {"request": 7, "end": true}                      no more of it
      After a token's last layer the answer says "closed"; a line that cannot be used is answered \
      with "error", and changes nothing.

      Examples:
        moecast forecast --model model.h5 held-out.moe.lz4 -o forecasts.jsonl
        moecast forecast --model model.h5 --learn --layers 3,7 new.moe.lz4 -o f.npz
        moecast forecast --model model.h5 --live < asked.jsonl
      """)

  @Argument(help: ArgumentHelp("Traces (*.moe.lz4), folders of them, or -.", valueName: "trace"))
  var traces: [String] = []

  @Option(help: ArgumentHelp("The model file.", valueName: "file"))
  var model: String

  @OptionGroup var options: ForecastOptions

  @Option(name: .shortAndLong, help: "The file to write, or - for standard output.")
  var output: String?

  @Option(
    name: .customLong("to"),
    help: """
      The format: \(ForecastFormats.names.joined(separator: ", ")); that of the output's suffix, \
      else \(ForecastFormats.names[0]).
      """)
  var format: String?

  @Option(help: "Stage that is forecast: prefill, decode or all.")
  var stage = "all"

  @Option(help: "Layers that are forecast, by the model's numbers, with commas; all unless given.")
  var layers: String?

  @Option(help: "Forecast every so many tokens of a request only.")
  var every = 1

  @Flag(help: "Answer line by line, on standard input and output.")
  var live = false

  @OptionGroup var force: ForceOption

  func validate() throws {
    if let format, ForecastFormats.named(format) == nil {
      throw ValidationError(
        "--to \(format) is not known; one of " + ForecastFormats.names.joined(separator: ", "))
    }
    guard AccuracyReport.stages.contains(where: { $0.name == stage }) else {
      throw ValidationError("--stage is prefill, decode or all")
    }
    guard every >= 1 else { throw ValidationError("--every is a number from 1") }
    if live {
      let unused = [
        traces.isEmpty ? nil : "a trace", output == nil ? nil : "--output",
        format == nil ? nil : "--to", stage == "all" ? nil : "--stage",
        layers == nil ? nil : "--layers", every == 1 ? nil : "--every",
        force.force ? "--force" : nil,
      ].compactMap(\.self)
      if let first = unused.first {
        throw ValidationError("\(first) would do nothing with --live: the asker decides")
      }
    } else {
      guard !traces.isEmpty else { throw ValidationError("name traces, or give --live") }
      guard output != nil else {
        throw ValidationError("give -o FILE, or -o - for standard output")
      }
    }
  }

  func run(printing standardOutput: inout StandardOutput) throws {
    let learner = try Checkpoint.read(model).learner
    let predictor = try options.index(in: learner, model: model)
    var pass = ForecastPass(learner, of: predictor, learns: options.learn)
    pass.ranking = options.ranking(topK: learner.shape.topK)
    if live {
      var door = try LiveForecast(pass, of: predictor)
      let answers = try OutputSink(
        StandardStream.dash, .forecasts(ForecastFormats.all[0], inputs: [], force: force))
      return try door.serve(.standardInput, to: answers)
    }
    if stage != "all" { pass.stages = Set(Stage.allCases.filter { $0.name == stage }) }
    pass.layers = try ordinals(in: learner.shape)
    pass.every = every
    try write(&pass, by: learner.predictors[predictor], shape: learner.shape)
  }

  /// Writes the forecasts of the traces.
  private func write(
    _ pass: inout ForecastPass, by name: String, shape: TraceShape
  ) throws {
    guard let output, let format = chosenFormat(of: output) else { return }
    let interruption = Interruption()
    let stream = try interruption.stream(traces)
    let sink = try OutputSink(
      output, .forecasts(format, inputs: stream.files + [model], force: force))
    var writer = format.init(shape: shape, top: pass.ranking.top)
    var events = 0
    var walk = StreamPass(interruption)
    walk.consume(stream) { chunk in
      try pass.consume(chunk.block) { forecast in
        events += 1
        try writer.add(forecast) { try sink.write($0) }
      }
    }
    try walk.finish("no forecasts were written")
    try writer.finish { try sink.write($0) }
    try sink.commit()
    complain("moecast: \(counted(events, "forecast")) by \(name)")
  }

  /// The format of `--to`, else that of the output's suffix, else JSON lines.
  private func chosenFormat(of output: String) -> (any ForecastWriter.Type)? {
    if let format { return ForecastFormats.named(format) }
    let suffix = output.split(separator: ".").last.map(String.init) ?? ""
    return ForecastFormats.named(suffix) ?? ForecastFormats.all[0]
  }

  /// The ordinals of `--layers`; nil for all.
  private func ordinals(in shape: TraceShape) throws -> Set<Int>? {
    guard let layers else { return nil }
    return Set(
      try layers.split(separator: ",").map { number in
        guard let number = Int(number), let ordinal = shape.modelLayers.firstIndex(of: number)
        else {
          throw ValidationError(
            "--layers: \(number) is no MoE layer of the model; it has \(shape.modelLayers.count), "
              + "\(shape.modelLayers.first ?? 0) to \(shape.modelLayers.last ?? 0)")
        }
        return ordinal
      })
  }
}
