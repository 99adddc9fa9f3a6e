import ArgumentParser
import Wafer

/// Which engine times the layers, and how.
struct EngineChoice: ParsableArguments {
  /// The engines' names.
  enum Name: String, CaseIterable, ExpressibleByArgument {
    case bound, event
  }

  @Option(name: .customLong("engine"), help: "bound is analytic, event runs discrete events.")
  var choice = Name.bound

  @Option(
    help: ArgumentHelp("Event engine: size of a chunk; default: 4e6.", valueName: "bytes"),
    transform: takingBytes)
  var chunkBytes: Double?

  @Option(
    help: ArgumentHelp(
      "Event engine: what a die may have asked for at once; default: 128e6.", valueName: "bytes"),
    transform: takingBytes)
  var windowBytes: Double?

  @Option(
    help: "Event engine: order in which a die asks for its tasks; default: rotated.")
  var order: EventEngine.Order?

  @Flag(help: "Event engine: leave the LLC out.")
  var noLLC = false

  @Flag(
    help: """
      Event engine: time memories by reads alone, as the paper's reference: activations take no \
      time there, copies may end after the layer.
      """)
  var readsAlone = false

  @Flag(help: "Bound engine: tasks that read one expert from one memory share the read.")
  var shareReads = false

  func validate() throws {
    guard chunkBytes ?? 1 > 0, windowBytes ?? 0 >= 0, chunkBytes ?? 1 < .infinity,
      windowBytes ?? 0 < .infinity
    else {
      throw ValidationError("--chunk-bytes must be above 0, --window-bytes at least 0")
    }
    try refuse(
      [
        ("--chunk-bytes", chunkBytes != nil), ("--window-bytes", windowBytes != nil),
        ("--order", order != nil), ("--no-llc", noLLC),
        ("--reads-alone", readsAlone),
      ], unless: choice == .event, "it is for --engine event")
    try refuse(
      [("--share-reads", shareReads)], unless: choice == .bound, "it is for --engine bound")
  }

  /// The engine with its options.
  var engine: Engine {
    switch choice {
    case .bound:
      var bound = BoundEngine()
      bound.sharesReads = shareReads
      return .bound(bound)
    case .event:
      var event = EventEngine()
      event.chunkBytes = chunkBytes ?? 4e6
      event.windowBytes = windowBytes ?? 128e6
      event.order = order ?? .rotated
      event.usesLLC = !noLLC
      event.readsAlone = readsAlone
      return .event(event)
    }
  }
}

extension EventEngine.Order: ExpressibleByArgument {}
