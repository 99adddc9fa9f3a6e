import ArgumentParser
import Counting
import Demand
import Export
import MemoryBudget
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

      With --batch N so many requests are under way together, in the order of the trace, and each \
      takes a token a step; where one ends, the next comes in. Of every step and layer one line \
      tells the union that the batch should stage: the experts by the probability that at least \
      one of its tokens chooses them, 1 - product of (1 - min(1, K p)) over the tokens' \
      probabilities p. The last line on standard error says how much of what the batches chose \
      was told (recall of the union), and how much stood among the first as many as they chose.

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
        moecast forecast --model model.h5 --batch 64 --above 0.5 new.moe.lz4 -o f.csv
        moecast forecast --model model.h5 --live < asked.jsonl
      """)

  @Argument(
    help: ArgumentHelp("Traces (*.moe.lz4), folders of them, or -.", valueName: "trace"),
    completion: .file())
  var traces: [String] = []

  @Option(help: ArgumentHelp("The model file.", valueName: "file"), completion: .file())
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

  @Option(help: "Forecast every so many tokens of a request, or steps of a batch, only.")
  var every = 1

  @Option(
    help: ArgumentHelp(
      "Forecast what so many requests under way together want, step by step.",
      valueName: "requests"))
  var batch: Int?

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
    guard batch ?? 1 >= 1 else { throw ValidationError("--batch is a number from 1") }
    if live {
      let unused = [
        traces.isEmpty ? nil : "a trace", output == nil ? nil : "--output",
        format == nil ? nil : "--to", stage == "all" ? nil : "--stage",
        layers == nil ? nil : "--layers", every == 1 ? nil : "--every",
        batch == nil ? nil : "--batch", force.force ? "--force" : nil,
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
    if let batch, batch > learner.requests.capacity {
      throw ValidationError(
        "--batch \(batch): the model follows \(learner.requests.capacity) requests at a time")
    }
    let ranking = options.ranking(learner.shape, requests: batch ?? 1)
    if live {
      var door = try LiveForecast(
        learner, of: predictor, learns: options.learn, ranking: ranking)
      let answers = try OutputSink(
        StandardStream.dash, .forecasts(ForecastFormats.all[0], inputs: [], force: force))
      return try door.serve(.standardInput, to: answers)
    }
    let selection = ForecastSelection(
      stages: Set(Stage.allCases.filter { [$0.name, "all"].contains(stage) }),
      layers: try ordinals(in: learner.shape), every: every)
    let name = learner.predictors[predictor]
    if let batch {
      var pass = BatchForecastPass(
        learner, of: predictor, requests: batch, learns: options.learn)
      (pass.ranking, pass.selection) = (ranking, selection)
      let recall = try writeBatches(&pass)
      complain("moecast: \(counted(recall.forecasts, "forecast")) by \(name)\(text(recall))")
    } else {
      var pass = ForecastPass(learner, of: predictor, learns: options.learn)
      (pass.ranking, pass.selection) = (ranking, selection)
      let events = try writeEvents(&pass)
      complain("moecast: \(counted(events, "forecast")) by \(name)")
    }
  }

  /// Writes the forecasts of the traces' events; returns their number.
  private func writeEvents(_ pass: inout ForecastPass) throws -> Int {
    var events = 0
    try write(shape: pass.learner.shape, top: pass.ranking.top) { block, writer, sink in
      guard let block else { return }
      try pass.consume(block) { forecast in
        events += 1
        try writer.add(forecast) { try sink.write($0) }
      }
    }
    return events
  }

  /// Writes the forecasts of the batches that the traces' requests make.
  private func writeBatches(_ pass: inout BatchForecastPass) throws -> UnionRecall {
    var recall = UnionRecall()
    // What waits is kept, so what there is before the first chunk has to do.
    let memory = AvailableMemory.ofThisProcess()
    try write(shape: pass.learner.shape, top: pass.ranking.top) { block, writer, sink in
      func add(_ forecast: BatchForecast) throws {
        recall.add(forecast)
        try writer.add(forecast) { try sink.write($0) }
      }
      guard let block else { return try pass.finish(add) }
      try pass.consume(block, add)
      try memory.check(pass.memoryDemand)
    }
    return recall
  }

  /// How much of what the batches chose was told, in words.
  private func text(_ recall: UnionRecall) -> String {
    guard recall.forecasts > 0 else { return "" }
    return "; recall of the union \(decimals(recall.recall, 4)) with "
      + "\(decimals(recall.meanTold, 1)) experts told, "
      + "\(decimals(recall.recallAtSize, 4)) with as many as were chosen, "
      + "\(decimals(recall.meanChosen, 1)) on average"
  }

  /// Hands `use` every block of the traces, and nil at their end, with the writer of its forecasts.
  private func write(
    shape: TraceShape, top: Int,
    _ use: (TokenBlock?, inout any ForecastWriter, OutputSink) throws -> Void
  ) throws {
    let path = output ?? StandardStream.dash
    let format = chosenFormat(of: path)
    let interruption = Interruption()
    let stream = try interruption.stream(traces)
    let sink = try OutputSink(
      path, .forecasts(format, inputs: stream.files + [model], force: force),
      isBinary: format.beginnings.contains { $0.contains { $0 < 0x20 } })
    var writer: any ForecastWriter = format.init(shape: shape, top: top, batch: batch)
    var walk = StreamPass(interruption)
    walk.consume(stream) { try use($0.block, &writer, sink) }
    try walk.finish("no forecasts were written")
    try use(nil, &writer, sink)
    try writer.finish { try sink.write($0) }
    try sink.commit()
  }

  /// The format of `--to`, else that of the output's suffix, else JSON lines.
  private func chosenFormat(of output: String) -> any ForecastWriter.Type {
    let suffix = output.split(separator: ".").last.map(String.init) ?? ""
    return ForecastFormats.named(format ?? suffix) ?? ForecastFormats.all[0]
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
