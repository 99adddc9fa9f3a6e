import Foundation
import LZ4Frame
import ModelFile
import Prequential
import RoutingTrace
import TraceImport

/// What is fuzzed: a reader each.
enum FuzzTarget: String, CaseIterable {
  case trace
  case chunk
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
      case .chunk: try readChunks(bytes)
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

  /// Reads chunks whose checksums and ordinals are made anew, so that what they say is looked at, and learns
  /// them. A writer must take what was read and give the same back.
  ///
  /// The first byte chooses the shape; a chunk is a u16 length and its payload.
  private func readChunks(_ bytes: [UInt8]) throws {
    guard let first = bytes.first, let shape = Self.shapes[Int(first) % Self.shapes.count] else {
      return
    }
    let header = try TraceWriter(MemorySink(), header: TraceHeader(shape: shape)).sink.bytes
    var frames = FrameWriter(MemorySink())
    var at = 1
    var ordinal: UInt8 = 0
    while at + 2 <= bytes.count, ordinal < 100 {
      let end = min(bytes.count, at + 2 + Int(bytes[at]) + Int(bytes[at + 1]) << 8)
      var payload = Array(bytes[(at + 2)..<end])
      if payload.count >= 16 {
        payload.replaceSubrange(8..<16, with: [ordinal, 0, 0, 0, 0, 0, 0, 0])
      }
      try frames.writeData(payload)
      ordinal += 1
      at = end
    }
    var learner = try Learner(shape: shape, predictors: ["layer-markov", "mixture-fast"])
    var writer = try TraceWriter(MemorySink(), header: TraceHeader(shape: shape))
    var blocks: [TokenBlock] = []
    var reader = try TraceReader(MemorySource(header + frames.sink.bytes), name: "fuzz")
    var problem: (any Error)?
    do {
      while let chunk = try reader.next() {
        if chunk.block.events < 1 << 12 { try? learner.consume(chunk) }
        blocks.append(chunk.block)
      }
    } catch {
      problem = error
    }
    for block in blocks { try writer.append(block) }
    try writer.finish()
    var again = try TraceReader(MemorySource(writer.sink.bytes), name: "written")
    for block in blocks {
      guard try again.next()?.block == block else { fatalError("a chunk is read otherwise") }
    }
    if let problem { throw problem }
  }

  private static let shapes = [
    try? TraceShape(modelLayers: [0, 1], experts: 9, topK: 2),
    try? TraceShape(modelLayers: [3], experts: 256, topK: 1),
    try? TraceShape(modelLayers: [0, 1, 2], experts: 300, topK: 5),
  ]

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
    case .trace, .chunk, .model: "file"
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
    case .chunk: try Self.shapes.enumerated().map { try Self.chunks(UInt8($0), $1) }
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

  /// The payloads of a trace as ``readChunks(_:)`` takes them.
  private static func chunks(_ number: UInt8, _ shape: TraceShape?) throws -> [UInt8] {
    var frames = FrameReader(MemorySource(try trace(shape)))
    let buffer = FrameBuffer()
    _ = try frames.next(into: buffer)
    var bytes = [number]
    while case .data(let count, _)? = try frames.next(into: buffer) {
      bytes += [UInt8(count & 0xFF), UInt8(count >> 8)] + Array(buffer.bytes(count))
    }
    return bytes
  }

  private static func trace(_ given: TraceShape? = nil) throws -> [UInt8] {
    let shape = try given ?? TraceShape(model: "m", modelLayers: [0, 1], experts: 9, topK: 2)
    let count = 4 * shape.idsPerToken
    var writer = try TraceWriter(MemorySink(), header: TraceHeader(shape: shape), chunkTokens: 3)
    for request in 0..<3 {
      try writer.append(
        RequestTrace(
          name: "r\(request)", task: "t", prefill: 2,
          ids: (0..<count).map { UInt16(($0 * 5 + request) % 9) },
          weights: Array(repeating: 0.5, count: count)))
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
