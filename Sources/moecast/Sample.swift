import ArgumentParser
import Forecast
import ModelFile
import Prequential
import RoutingTrace

/// `moecast sample`: traces drawn from a model.
struct Sample: PrintingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draws traces from a model that route as the requests it learnt from.",
    discussion: """
      Every token's layers are drawn one after another from the model's forecast given the layers \
      and tokens already drawn, top-k distinct experts each: by the mixture where the model has \
      one for the next layer, else by layer-markov times token-markov over frequency, as far as \
      trained. Forecasts are held to the model's expert frequencies, since draws that feed on \
      draws drift. A mixture's requests begin with the path of a token it remembers. Lengths are \
      as given; there are no gate weights and no tasks. The same model, options and seed give the \
      same bytes.

      Example:
        moecast sample --model model.h5 --requests 100 -o drawn.moe.lz4
      """)

  @Option(help: ArgumentHelp("The model file.", valueName: "file"), completion: .file())
  var model: String

  @Option(help: "Requests to draw.")
  var requests: Int

  @Option(help: "Tokens of a request, its prompt included.")
  var tokens = 128

  @Option(help: "How many of them are the prompt's.")
  var prefill = 32

  @Option(help: "Where the random numbers begin.")
  var seed: UInt64 = 1

  @Option(help: "Above 1 draws more evenly than forecast, below 1 more surely.")
  var temperature = 1.0

  @Option(
    name: .shortAndLong, help: "The trace to write, or - for standard output.",
    completion: .file())
  var output: String

  @OptionGroup var force: ForceOption

  @Flag(help: "Print the summary as JSON.")
  var json = false

  func validate() throws {
    guard (1...100_000_000).contains(requests) else {
      throw ValidationError("--requests is from 1 to 100,000,000")
    }
    guard (1...1_048_576).contains(tokens) else {
      throw ValidationError("--tokens is from 1 to 1,048,576")
    }
    guard (0...tokens).contains(prefill) else {
      throw ValidationError("--prefill is from 0 to --tokens, \(tokens)")
    }
    guard (0.05...20).contains(temperature) else {
      throw ValidationError("--temperature is from 0.05 to 20")
    }
  }

  func run(printing standardOutput: inout StandardOutput) throws {
    let sink = try OutputSink(output, .trace(inputs: [model], force: force), isBinary: true)
    let learner = try Checkpoint.read(model).learner
    var sampler = RequestSampler(
      shape: learner.shape, mixtures: learner.mixtures, counts: learner.layers.map(\.counts),
      seed: seed, temperature: temperature)
    let header = TraceHeader(
      shape: learner.shape,
      provenance: ["format": "moecast-sample", "seed": "\(seed)", "source": sampler.source])
    var writer = try TraceWriter(sink, header: header)
    for request in 0..<requests {
      try writer.append(sampler.next(tokens: tokens, prefill: prefill, name: "sample-\(request)"))
    }
    try writer.finish()
    try sink.commit()
    let summary = SampleSummary(
      source: sampler.source, requests: requests, tokens: requests * tokens,
      events: requests * tokens * learner.shape.layers, bytesOut: writer.bytesWritten)
    let text = json ? try moecast.json(summary) : "\(summary); \(visible("\(learner.shape)"))"
    // Standard output may carry the trace itself.
    if output == StandardStream.dash {
      complain(text, keepingLines: json)
    } else {
      standardOutput.text(text)
    }
  }
}

/// What was drawn; the keys of `--json`.
struct SampleSummary: Codable, CustomStringConvertible {
  var source: String
  var requests: Int
  var tokens: Int
  var events: Int
  var bytesOut: Int

  enum CodingKeys: String, CodingKey {
    case source, requests, tokens, events
    case bytesOut = "bytes_out"
  }

  /// One line for people.
  var description: String {
    "drawn from \(source): \(counted(requests, "request")), \(counted(tokens, "token")), "
      + "\(counted(events, "event")); \(moecast.bytes(bytesOut)) out"
  }
}
