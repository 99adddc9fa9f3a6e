import Archive
import Foundation
import LZ4Frame
import ModelFile
import Prequential
import RoutingTrace
import ServiceProtocol
import TestSupport
import TraceImport

/// What is fuzzed: a reader each.
enum FuzzTarget {
  case trace
  case frames
  case chunk
  case model
  case messages
  case pickle
  case counts(CountsFormat)
  case foreign(ForeignFormat)

  /// A target by its name: `trace`, `frames`, `chunk`, `model`, `messages`, `pickle` or that of a
  /// foreign format.
  init?(named name: String) {
    switch name {
    case "trace": self = .trace
    case "frames": self = .frames
    case "chunk": self = .chunk
    case "model": self = .model
    case "messages": self = .messages
    case "pickle": self = .pickle
    default:
      if let format = CountsFormat(named: name) {
        self = .counts(format)
        return
      }
      guard let format = ForeignFormat(named: name) else { return nil }
      self = .foreign(format)
    }
  }

  static var names: [String] {
    ["trace", "frames", "chunk", "model", "messages", "pickle"] + CountsFormat.names
      + ForeignFormat.names
  }

  /// Reads `bytes`; an error of another type than the reader's own ends the process.
  func run(_ bytes: [UInt8]) {
    do {
      switch self {
      case .trace: try readTrace(bytes)
      case .frames: try rewrite(bytes)
      case .chunk: try readChunks(bytes)
      case .model: try readModel(bytes)
      case .messages: try readMessages(bytes)
      case .pickle: try bytes.withUnsafeBytes { _ = try PickleReader.value($0) }
      case .counts(let format): try importCounts(bytes, as: format)
      case .foreign(let format): try importFile(bytes, as: format)
      }
    } catch is TraceError {
    } catch is ModelError {
    } catch is ImportError {
    } catch is ProtocolError {
    } catch is ArchiveError {
    } catch {
      fatalError("an error of type \(type(of: error)): \(error)")
    }
  }

  /// Cuts messages from a client, or a service, and takes each apart; what was understood is written
  /// and read as the same.
  private func readMessages(_ bytes: [UInt8]) throws {
    var messages = MessageBuffer(maximumBody: 1 << 16)
    for start in stride(from: 0, to: bytes.count, by: 7) {
      messages.append(bytes[start..<min(start + 7, bytes.count)])
      while let message = try messages.next() {
        if let request = try? Request(message, topK: 2, maximumRequests: 64) {
          let again = request.message(tag: message.tag)
          guard again == message else { fatalError("\(request) becomes another message") }
        }
        if let reply = try? Reply(message) {
          _ = reply.message(to: message.kind & 0x7FFF, tag: message.tag)
        }
      }
    }
  }

  /// Reads a trace to its end, and learns it.
  private func readTrace(_ bytes: [UInt8]) throws {
    var reader = try TraceReader(
      MemorySource(bytes), name: "fuzz", reading: TraceReading(maximumChunk: 1 << 22))
    let shape = reader.header.shape
    guard shape.layers * shape.experts < 1 << 12 else { return }
    guard var learner = try? Learner(shape: shape, predictors: ["frequency"]) else { return }
    while let chunk = try reader.next() {
      guard chunk.block.events < 1 << 12 else { return }
      try? learner.consume(chunk)
    }
  }

  /// Reads a trace in any frames and writes it anew, chunk by chunk and cut anew. What was written
  /// is a trace that every reader takes, of the same tokens.
  private func rewrite(_ bytes: [UInt8]) throws {
    var reader = try TraceReader(
      MemorySource(bytes), name: "fuzz", reading: TraceReading(framing: .any, maximumChunk: 1 << 22)
    )
    let header = TraceHeader(shape: reader.header.shape)
    var writer = try TraceWriter(MemorySink(), header: header)
    var cutter = try TraceWriter(MemorySink(), header: header, chunkTokens: 5)
    while let chunk = try reader.next() {
      guard chunk.block.ids.count < 1 << 16 else { return }
      try writer.append(chunk.block)
      try cutter.appendRuns(of: chunk.block)
    }
    for sink in [try writer.finished(), try cutter.finished()] {
      var again = try TraceReader(MemorySource(sink.bytes), name: "written")
      var tokens = 0
      while let chunk = try again.next() { tokens += chunk.block.tokens }
      guard again.index?.tokens == tokens, tokens == writer.index.tokens else {
        fatalError("other tokens are read than were written")
      }
    }
  }

  /// Reads chunks whose checksums and ordinals are made anew, so that what they say is looked at,
  /// and learns them. A writer must take what was read and give the same back.
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

  /// The path of a file in memory that holds `bytes`.
  private func written(_ bytes: [UInt8], to name: String) -> String? {
    let folder = "/dev/shm/moecast-fuzz-\(getpid())"
    mkdir(folder, 0o700)
    let path = folder + "/" + name
    guard let file = fopen(path, "wb") else { return nil }
    bytes.withUnsafeBytes { _ = fwrite($0.baseAddress, 1, $0.count, file) }
    fclose(file)
    return path
  }

  /// Imports one file of counts.
  private func importCounts(_ bytes: [UInt8], as format: CountsFormat) throws {
    guard let path = written(bytes, to: format.sample.fileName) else { return }
    _ = try LoadProfileImporter([path], format: format)?.profile(options: ImportOptions())
  }

  /// Imports one file of a foreign format.
  private func importFile(_ bytes: [UInt8], as format: ForeignFormat) throws {
    guard let path = written(bytes, to: format.sample.fileName) else { return }
    // Some formats do not say how many experts a token takes. What is left out is chosen by the
    // file's length, so that the same file is always read in the same way.
    let left = bytes.count % 3
    for topK in [nil, 2] {
      do {
        var importer = try TraceImporter(
          [path], format: format,
          options: ImportOptions(
            experts: 8, topK: topK, prefill: 1, readsWeights: left != 1, keepsConstant: left == 2,
            dropsWarmUp: left == 1))
        while try importer.next() != nil {}
        return
      } catch {
        guard (error as? ImportError)?.kind == .missing, topK == nil else { throw error }
      }
    }
  }

  /// The pickle in a file of torch.save.
  private static func pickle(in file: [UInt8]) throws -> [UInt8] {
    try file.withUnsafeBytes { bytes in
      let archive = try ZipArchive(bytes)
      return try archive.content(of: archive.members[0]) { (content) throws(ArchiveError) in
        Array(try content.take(content.remaining))
      }
    }
  }

  /// Small files that are read without an error.
  func seeds() throws -> [[UInt8]] {
    switch self {
    case .trace: try Self.framings(joined: false)
    case .frames: try Self.framings(joined: false) + Self.framings(joined: true)
    case .chunk: try Self.shapes.enumerated().map { try Self.chunks(UInt8($0), $1) }
    case .model:
      [
        try Self.model(["layer-markov", "token-markov"]), try Self.model(["mixture-fast"]),
        try Self.model(["frequency", "mixture"]),
      ]
    case .messages: [Self.asked, Self.answered]
    case .pickle: [try Self.pickle(in: ForeignFormat.sglangRecorder.sample.content)]
    case .counts(let format): try Self.dressed(format.sample.content)
    case .foreign(let format):
      try Self.dressed(format.sample.content) + Self.more(of: format)
    }
  }

  /// What a client says, a message of each kind.
  private static var asked: [UInt8] {
    let requests: [Request] = [
      .hello(.init(token: "token")), .begin(.init(request: 1, task: "task")), .end([1, 2]),
      .open(.init(requests: [1, 2], stages: [0, 1])),
      .observe(.init(layer: 0, requests: [1], ids: [1, 2])),
      .forecast(.init(top: 4, layer: 1, requests: [1])),
      .step(
        .init(layer: 1, requests: [1], ids: [1, 2]), .init(top: 4, layer: 1, requests: [1])),
      .counts, .score(0), .flush, .save,
    ]
    return requests.flatMap { $0.message(tag: 1).bytes }
  }

  /// What a service says.
  private static var answered: [UInt8] {
    let hello = Reply.hello(
      .init(
        layers: 2, experts: 4, topK: 2, maximumRequests: 8, maximumBody: 64, learns: true,
        modelLayers: [0, 1], name: "model", predictors: [.init(name: "mixture", horizon: 1)]))
    let replies: [(UInt16, Reply)] = [
      (1, hello), (2, .done), (6, .ranked(.init(top: 1, chances: [1], ranked: [3]))),
      (8, .counts(.init(tokensLearnt: 1, tokensWaiting: 2, requests: 3, tokensSaved: 4))),
      (9, .score(.init(events: 1, recall: [0, 1, 0, 1], logLossBits: 2))),
      (11, .saved(tokens: 5)), (5, .refused(.badChoice, "twice")),
    ]
    return replies.flatMap { $0.1.message(to: $0.0, tag: 1).bytes }
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

  /// A trace in the frames of others: those that hold a payload each, or one that holds them all.
  private static func framings(joined: Bool) throws -> [[UInt8]] {
    let trace = try trace()
    let payloads = try FrameMaker.payloads(of: trace)
    let makers = [
      FrameMaker(), FrameMaker(contentChecksum: false),
      FrameMaker(contentChecksum: false, contentSize: false, linked: true, blockSize: 50),
      FrameMaker(contentSize: false, blockChecksums: true),
    ]
    return [trace]
      + makers.map { maker in
        joined
          ? maker.frame(payloads.flatMap(\.self))
          : FrameMaker.skippable(1, [1, 2, 3]) + payloads.flatMap { maker.frame($0) }
      }
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
      learner.recordHistory()
    }
    return Array(try Checkpoint.bytes(of: learner).dropLast(64))
  }

  /// A file as it comes from other hands: as it is, compressed once and in two members, behind a
  /// byte order mark, with long line ends and empty lines.
  private static func dressed(_ content: [UInt8]) throws -> [[UInt8]] {
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let longLines = content.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] } + Array("\r\n\n".utf8)
    return [
      content, try Gzip.member(content), mark + content, longLines,
      try Gzip.member(mark + longLines.prefix(9)) + Gzip.member(Array(longLines.dropFirst(9))),
    ]
  }

  /// What a format has beside its sample.
  private static func more(of format: ForeignFormat) throws -> [[UInt8]] {
    func route(_ request: String, _ token: Int, _ layer: Int, _ ids: String) -> String {
      #"{"type": "route", "req_id": \#(request), "token_idx": \#(token), "layer": \#(layer), "#
        + #""topk_ids": \#(ids), "topk_weights": [0.5, NaN]}"# + "\n"
    }
    switch format {
    case .npz: return try archives() + absentArchives()
    case .vllmNPY: return absentArrays
    case .paperJSON, .gptOSS, .moeBeyond, .esft: return absentTexts(of: format)
    case .vllmLogger:
      let records = [
        route(#""a""#, 0, 1, "[1, 2]"), route(#""a""#, 2, 1, "[-1, null]"),
        route(#""a""#, 1, 4, "[3]"), route("7", 0, 1, "[4, 5]"), route(#""a""#, 0, 1, "null"),
      ]
      return [Array(records.joined().utf8)]
    case .sglangJSON:
      let answer = String(decoding: format.sample.content, as: UTF8.self)
      let openAI = """
        {"choices": [{"sgl_ext": {"routed_experts": "BQAAAP////8="}}], "usage": {"prompt_tokens": 1, \
        "completion_tokens": 1}, "sglext": null}
        """
      return ["[\(answer), \(answer)]", answer + "\n" + answer + "\n", openAI].map {
        Array($0.utf8)
      }
    default: return []
    }
  }

  /// Arrays in which something was not recorded: single slots, events and tokens by -1, 0, the
  /// number of experts and counting up; and a warm-up with a layer that never changes.
  private static var absentArrays: [[UInt8]] {
    let absent: [Int32] = [
      1, 2, -1, 3, 8, 4, 5, 0, -1, -1, 8, 8, 0, 0, -1, -1, 0, 1, 0, 1, 0, 1, 0, 1, -1, -1, -1, -1,
      0, 0,
      0, 0,
    ]
    let warmUp: [Int32] = (0..<40).flatMap { token -> [Int32] in [6, 1, Int32(token / 36), 5] }
    return [(absent, [4, 4, 2]), (warmUp, [40, 2, 2])].map { ids, shape in
      ids.withUnsafeBytes { NPYArray.file(.signed(bytes: 4), shape: shape, elements: $0) }
    }
  }

  /// The same in archives, the prompt's rows apart.
  private static func absentArchives() throws -> [[UInt8]] {
    try absentArrays.map { array in
      try ZipWriter.archive([
        ("prompt_routed_experts.npy", array), ("routed_experts.npy", array),
        ("draft_routes.npy", array),
      ])
    }
  }

  /// Texts with nothing in the place of slots, events and tokens.
  private static func absentTexts(of format: ForeignFormat) -> [[UInt8]] {
    let text =
      switch format {
      case .paperJSON:
        """
        [{"0": [[-1, -1], [8, 8], [0, 0]], "1": [[5, 2], null, [-1]], "3": [[1, 6, 7], [], [8, 4, null]]},
         null, {"0": null, "1": [], "3": [[4, 5]]}, {}]
        """
      case .gptOSS:
        """
        {"row_index": {}, "category": null, "router_log": [], "router_data": [null, {"t": null},
         {"t": {"layer_0": {"selected_experts": [3, -1], "selected_probs": [0.75, null]}, "layer_1": null}},
         {"t": {"layer_1": {"selected_experts": [], "selected_probs": []}}}]}
        """
      case .moeBeyond:
        """
        Layer ID,Batch Number,Token,Activated Expert IDs
        1,0,a,"[3]"
        1,0,b,"[]"
        2,0,a,"[-1, None, 8]"
        2,0,b,"[5, 6, null]"
        """
      default: "1\t-1\t0\t0\t8\t8\t\t0.5\t0\t0\t0\t0\t0\n"
      }
    return [Array(text.utf8)]
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

extension TraceWriter {
  /// The sink, with everything written.
  fileprivate mutating func finished() throws -> Sink {
    try finish()
    return sink
  }
}
