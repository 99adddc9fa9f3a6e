import Foundation
import LZ4Frame
import ModelFile
import Prequential
import RoutingTrace
import TraceImport

/// What is fuzzed: a reader each.
enum FuzzTarget: String, CaseIterable {
  case trace
  case model
  case paperJSON = "paper-json"
  case gptOSS = "gpt-oss-json"
  case npz
  case vllmNPY = "vllm-npy"
  case moeBeyond = "moe-beyond-csv"
  case esft

  /// Reads `bytes`; an error of another type than the reader's own ends the process.
  func run(_ bytes: [UInt8]) {
    do {
      switch self {
      case .trace: try readTrace(bytes)
      case .model: try readModel(bytes)
      default: try importFile(bytes)
      }
    } catch is TraceError {
    } catch is ModelError {
    } catch is ImportError {
    } catch {
      fatalError("an error of type \(type(of: error)): \(error)")
    }
  }

  /// Reads a trace to its end, and learns it.
  private func readTrace(_ bytes: [UInt8]) throws {
    var reader = try TraceReader(MemorySource(bytes), name: "fuzz", maximumChunk: 1 << 22)
    let shape = reader.header.shape
    guard shape.layers * shape.experts < 1 << 12 else { return }
    guard var learner = try? Learner(shape: shape, predictors: ["frequency"]) else { return }
    while let chunk = try reader.next() {
      guard chunk.block.events < 1 << 12 else { return }
      try? learner.consume(chunk)
    }
  }

  /// Reads a model without its seal and digests, which would let no changed byte through, learns on
  /// and writes it again.
  private func readModel(_ bytes: [UInt8]) throws {
    var learner = try Checkpoint.learner(in: bytes, name: "fuzz")
    guard learner.shape.layers * learner.shape.experts < 1 << 12 else { return }
    for predictor in learner.predictors.indices {
      _ = learner.score(of: predictor, stages: Stage.allCases)
    }
    var reader = try TraceReader(MemorySource(Self.trace()), name: "seed")
    while let chunk = try reader.next() { try? learner.consume(chunk) }
    _ = try Checkpoint.bytes(of: learner)
  }

  /// Imports one file of this format.
  private func importFile(_ bytes: [UInt8]) throws {
    let folder = "/dev/shm/moecast-fuzz-\(getpid())"
    mkdir(folder, 0o700)
    let path = folder + "/" + fileName
    guard let file = fopen(path, "wb") else { return }
    bytes.withUnsafeBytes { _ = fwrite($0.baseAddress, 1, $0.count, file) }
    fclose(file)
    var importer = try TraceImporter(
      [path], format: ForeignFormat(rawValue: rawValue),
      options: ImportOptions(experts: 8, topK: self == .esft ? 2 : nil, prefill: 1))
    while try importer.next() != nil {}
  }

  private var fileName: String {
    switch self {
    case .trace, .model: "file"
    case .paperJSON, .gptOSS: "1.json"
    case .npz: "request_000.npz"
    case .vllmNPY: "1.npy"
    case .moeBeyond: "1.csv"
    case .esft: "expert_weights_2.txt"
    }
  }

  /// Small files that are read without an error.
  func seeds() throws -> [[UInt8]] {
    switch self {
    case .trace: [try Self.trace()]
    case .model:
      [
        try Self.model(["layer-markov", "token-markov"]), try Self.model(["mixture-fast"]),
        try Self.model(["frequency", "mixture"]),
      ]
    case .paperJSON:
      [
        Array(
          """
          [{"0": null, "1": [[5, 2], [0, 7]], "3": [[1, 6], [3, 4]]},
           {"0": null, "1": [[2, 3]], "3": [[4, 5]]}]
          """.utf8)
      ]
    case .gptOSS:
      [
        Array(
          """
          {"row_index": 27, "dataset": "gpqa", "category": "Physics", "router_data": [
           {"token_9": {"layer_0": {"selected_experts": [3, 1], "selected_probs": [0.75, 0.25]}}}]}
          """.utf8)
      ]
    case .npz: try Self.archives()
    case .vllmNPY:
      [
        Array("\u{93}NUMPY".unicodeScalars.map { UInt8($0.value) }) + [1, 0, 0x76, 0]
          + Array(
            "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 2), }".utf8)
          + [UInt8](repeating: 0x20, count: 55) + [0x0A] + [0, 1, 2, 3]
      ]
    case .moeBeyond:
      [
        Array(
          "Layer ID,Batch Number,Token,Activated Expert IDs\n1,0,<s>,\"[3, 1]\"\n2,0,<s>,\"[5, 6]\"\n"
            .utf8)
      ]
    case .esft: [Array("1\t2\t3\t4\t\t0.125\t0.5\t0.25\t0.125\n7\t8\t\t1\t2\n".utf8)]
    }
  }

  private static func trace() throws -> [UInt8] {
    let shape = try TraceShape(model: "m", modelLayers: [0, 1], experts: 9, topK: 2)
    var writer = try TraceWriter(MemorySink(), header: TraceHeader(shape: shape), chunkTokens: 3)
    for request in 0..<3 {
      try writer.append(
        RequestTrace(
          name: "r\(request)", task: "t", prefill: 2,
          ids: (0..<16).map { UInt16(($0 * 5 + request) % 9) },
          weights: Array(repeating: 0.5, count: 16)))
    }
    try writer.finish()
    return writer.sink.bytes
  }

  private static func model(_ predictors: [String]) throws -> [UInt8] {
    var reader = try TraceReader(MemorySource(trace()), name: "seed")
    var learner = try Learner(shape: reader.header.shape, predictors: predictors)
    while let chunk = try reader.next() {
      try learner.consume(chunk)
      learner.note()
    }
    return Array(try Checkpoint.bytes(of: learner).dropLast(64))
  }

  /// The importer's fixtures.
  private static func archives() throws -> [[UInt8]] {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(2)
    let folder = parts.joined(separator: "/") + "/TraceImportTests/Fixtures/"
    return try ["stored", "deflated", "fortran"].map {
      Array(try Data(contentsOf: URL(filePath: "\(folder)\($0).npz")))
    }
  }
}
