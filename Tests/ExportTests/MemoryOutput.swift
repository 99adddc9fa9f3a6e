import Export
import Prequential
import RoutingTrace
import TestSupport

/// What an exporter writes, in memory.
final class MemoryOutput: ExportOutput {
  private(set) var files: [String: [UInt8]] = [:]
  private(set) var closed: [String] = []

  func write(_ bytes: UnsafeRawBufferPointer, to file: String) throws {
    files[file, default: []] += bytes
  }

  func close(_ file: String) throws { closed.append(file) }

  /// The file that is the output itself.
  var output: [UInt8] { files[ExportFile.output] ?? [] }

  /// The lines of a file.
  func lines(_ file: String = ExportFile.output) -> [String] {
    String(decoding: files[file] ?? [], as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// Writes all files into a folder, those beside an output behind its name.
  func write(to folder: TemporaryFolder, named name: String = "") throws {
    for (file, bytes) in files { try folder.write(bytes, to: name + file) }
  }
}

/// What `exporter` makes of blocks.
func exported(
  _ blocks: [TokenBlock], by exporter: any TraceExporter.Type,
  _ settings: ExportSettings = ExportSettings()
) throws -> MemoryOutput {
  let output = MemoryOutput()
  guard let shape = blocks.first?.shape else { return output }
  var exporter = try exporter.init(TraceHeader(shape: shape), settings)
  if type(of: exporter).readsTwice { for block in blocks { try exporter.survey(block) } }
  for block in blocks { try exporter.add(block, to: output) }
  try exporter.finish(to: output)
  return output
}

/// What `exporter` makes of a model.
func exported(
  _ learner: Learner, by exporter: any TableExporter.Type,
  _ settings: ExportSettings = ExportSettings()
) throws -> MemoryOutput {
  let output = MemoryOutput()
  try exporter.write(learner, settings, to: output)
  return output
}

/// A learner of a stream of two requests.
func sampleLearner(
  predictors: [String] = ["frequency", "layer-markov", "layer-product", "token-markov"]
) throws -> Learner {
  let shape = try TraceShape(model: "sample", modelLayers: [1, 2, 5], experts: 12, topK: 3)
  var random = SplitMix64(seed: 1)
  let requests = (0..<2).map { _ in
    RequestTrace.random(shape: shape, prefill: 20, decode: 25, empty: 0.1, using: &random)
  }
  var learner = try Learner(shape: shape, predictors: predictors)
  for chunk in try chunks(of: requests, shape: shape) { try learner.consume(chunk) }
  return learner
}

/// Blocks of a trace of three layers whose requests have names, tasks and empty slots.
func sampleBlocks(
  weighted: Bool = false, topK: Int = 3, chunkTokens: Int = 16
) throws -> (requests: [RequestTrace], blocks: [TokenBlock]) {
  let shape = try TraceShape(model: "sample", modelLayers: [1, 2, 5], experts: 12, topK: topK)
  var random = SplitMix64(seed: 7)
  let requests = (0..<5).map { number in
    RequestTrace.random(
      shape: shape, prefill: 3 * number, decode: 11 - 2 * number, weighted: weighted,
      empty: topK > 1 ? 0.2 : 0, name: "request \(number), ä",
      task: number == 3 ? "" : "t\(number)",
      using: &random)
  }
  return (
    requests, try chunks(of: requests, shape: shape, chunkTokens: chunkTokens).map(\.block)
  )
}
