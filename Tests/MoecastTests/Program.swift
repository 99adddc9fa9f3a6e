import ArgumentParser
import RoutingTrace
import TestSupport
import Testing

@testable import moecast

/// The small trace of the commands' tests: 12 requests of a noisy rule in 4 layers, 7 chunks.
func writeSampleTrace(
  to name: String, in folder: TemporaryFolder, seed: UInt64 = 1, finishing: Bool = true
) throws -> String {
  let shape = try TraceShape(model: "sample", modelLayers: [1, 2, 4, 5], experts: 12, topK: 2)
  var random = SplitMix64(seed: seed)
  let requests = (0..<12).map { number in
    RequestTrace.random(
      shape: shape, prefill: 6, decode: 10, task: number % 2 == 0 ? "math" : "code",
      using: &random)
  }
  return try folder.write(
    try traceBytes(of: requests, shape: shape, chunkTokens: 30, finishing: finishing), to: name)
}

/// Runs a subcommand as `moecast` would.
func moecastRun(_ arguments: String...) throws { try moecastRun(arguments) }

/// The same of arguments in a list.
func moecastRun(_ arguments: [String]) throws {
  var command = try Moecast.parseAsRoot(arguments)
  try command.run()
}

/// Expects arguments to be refused before anything is done, as wrong use, with these words.
func expectWrongUse(
  _ arguments: [String], _ message: String, sourceLocation: SourceLocation = #_sourceLocation
) {
  let error = #expect(throws: (any Error).self, sourceLocation: sourceLocation) {
    try Moecast.parseAsRoot(arguments)
  }
  guard let error else { return }
  #expect(Moecast.exitCode(for: error) == .validationFailure, sourceLocation: sourceLocation)
  let told = Moecast.message(for: error)
  #expect(told.contains(message), "\(arguments): \(told)", sourceLocation: sourceLocation)
}
