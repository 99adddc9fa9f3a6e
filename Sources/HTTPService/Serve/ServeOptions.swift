import ArgumentParser
import Moecast
import Service

/// What `moecast serve` is told: where its model and its doors are, and what it takes.
struct ServeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The model; with --like or --shape it is made where it is not there.", valueName: "file"))
  var model: String

  @Option(help: ArgumentHelp("Begin with nothing, in the shape of this trace.", valueName: "trace"))
  var like: String?

  @Option(help: ArgumentHelp("Begin with nothing, in this model's shape.", valueName: "name"))
  var shape: String?

  @Option(
    name: [.customLong("predictors"), .customLong("predictor")],
    help: ArgumentHelp("What learns, with --like or --shape.", valueName: "names"))
  var predictor = "mixture"

  @Flag(help: "Only forecast: nothing is learnt, and the file is only read.")
  var frozen = false

  @Option(help: ArgumentHelp("Also write what is observed to this trace.", valueName: "trace"))
  var record: String?

  @Option(help: "Seconds between two checkpoints.")
  var saveEvery = 60.0

  @Option(help: "Older checkpoints to keep beside the newest.")
  var keep = 1

  @Option(help: ArgumentHelp("The Unix socket; MODEL.sock unless given.", valueName: "path"))
  var socket: String?

  @Option(help: "The address that HTTP listens at; beyond this machine only with a token.")
  var host = "127.0.0.1"

  @Option(help: "The port that HTTP listens at; 0 for any that is free.")
  var port = 8017

  @Option(
    help: ArgumentHelp(
      "A file with the token that every client has to bring, for its owner alone.",
      valueName: "file"))
  var tokenFile: String?

  @Option(help: "Clients of the socket, and requests of HTTP, at once.")
  var connections = ServiceLimits().connections

  @Option(help: "Requests under way.")
  var requests = ServiceLimits().requests

  @Option(help: "Tokens that may wait to be learnt before no more are opened.")
  var waiting = ServiceLimits().waitingTokens

  @Option(help: ArgumentHelp("Largest body of a message.", valueName: "MiB"))
  var body = ServiceLimits().bodyBytes >> 20

  @Option(
    help: ArgumentHelp(
      "Memory beyond which no request is begun; 0 for any.", valueName: "MiB"))
  var memory = 0

  @Option(help: "Seconds in which a message must be complete once it has begun.")
  var patience = ServiceLimits().stallSeconds

  func validate() throws {
    guard like == nil || shape == nil else {
      throw ValidationError("give either --like TRACE or --shape NAME")
    }
    if let shape, ModelShape.named(shape) == nil {
      throw ValidationError(
        "--shape \(shape) is not known; one of "
          + ModelShape.known.map(\.name).joined(separator: ", "))
    }
    guard isLoopback || tokenFile != nil else {
      throw ValidationError(
        "--host \(host) is reached from beyond this machine, which needs --token-file FILE")
    }
    guard (0...65_535).contains(port) else { throw ValidationError("--port is from 0 to 65535") }
    for (name, value) in [
      ("--connections", connections), ("--requests", requests), ("--waiting", waiting),
      ("--body", body),
    ] where value < 1 {
      throw ValidationError("\(name) is a number from 1")
    }
    guard memory >= 0, keep >= 0 else {
      throw ValidationError("--memory and --keep are numbers from 0")
    }
    guard saveEvery > 0, patience > 0 else {
      throw ValidationError("--save-every and --patience are seconds above 0")
    }
    if frozen {
      guard like == nil, shape == nil else {
        throw ValidationError("--frozen learns nothing, so there is nothing to begin with")
      }
    }
  }

  /// Whether only this machine reaches the host.
  var isLoopback: Bool { ["127.0.0.1", "::1", "localhost"].contains(host) }

  /// What the service takes.
  var limits: ServiceLimits {
    var limits = ServiceLimits()
    limits.connections = connections
    limits.requests = requests
    limits.waitingTokens = waiting
    limits.bodyBytes = body << 20
    limits.memoryBytes = memory << 20
    limits.stallSeconds = patience
    return limits
  }

  /// What to begin with where there is no model; nil where there has to be one.
  func beginning() throws -> Learner? {
    let found: TraceShape
    if let like {
      found = try TraceStream([like]).shape
    } else if let known = shape.flatMap(ModelShape.named) {
      found = try TraceShape(
        model: known.name, modelLayers: known.moeLayers, experts: known.experts, topK: known.topK)
    } else {
      return nil
    }
    return try Learner(
      shape: found, predictors: predictor.split(separator: ",").map(String.init))
  }
}
