import FoundationEssentials
import LZ4Frame
import Live
import RoutingTrace
import ServiceProtocol
import TraceImport

/// Routing that was recorded elsewhere, and is learnt by a service as if it were observed now.
///
/// All of it is read and checked before the first token of it is observed.
public struct TraceUpload {
  /// What a body is.
  public enum Format: Sendable {
    /// A trace, `*.moe.lz4`.
    case trace
    /// What an engine answered, in any format of `moecast import`, which is guessed.
    case engine
  }

  /// What was observed.
  public struct Summary: Hashable, Sendable {
    /// Requests and tokens of it.
    public var requests = 0
    public var tokens = 0
  }

  private let service: ForecastService
  /// Where bodies lie while they are read.
  private let folder: URL

  /// Takes uploads for `service`.
  ///
  /// - Parameter folder: where bodies lie while they are read.
  public init(
    _ service: ForecastService, folder: URL = FileManager.default.temporaryDirectory
  ) {
    self.service = service
    self.folder = folder
  }

  /// Observes all that `body` holds.
  ///
  /// - Throws: ``Refusal``, `RoutingTrace/TraceError`, `TraceImport/ImportError`; nothing was
  ///   observed then.
  public func observe(_ body: [UInt8], as format: Format) throws -> Summary {
    let own = folder.appending(path: "moecast-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: own, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(at: own) }
    let path = own.appending(path: format == .trace ? "body.moe.lz4" : "body.json").path()
    try Data(body).write(to: URL(filePath: path))
    let shape = service.model.live.shape
    do {
      let trace = format == .trace ? path : try imported(path, of: shape)
      var check = try TraceStream([trace])
      try require(check.shape, as: shape)
      while try check.next() != nil {}
      return try replay(TraceStream([trace]))
    } catch let error as TraceError {
      throw Refusal(Refusal(error).status, Self.withoutPath("\(error)", path))
    } catch let error as ImportError {
      throw Refusal(.badFile, Self.withoutPath("\(error)", path))
    }
  }

  private static func withoutPath(_ text: String, _ path: String) -> String {
    text.replacing(path, with: "the body")
  }

  private func require(_ shape: TraceShape, as wanted: TraceShape) throws(Refusal) {
    guard shape.layers == wanted.layers, shape.experts == wanted.experts,
      shape.topK == wanted.topK
    else {
      throw Refusal(.mismatch, "the body is of \(shape), and \(wanted) is served")
    }
  }

  /// Writes what an engine answered as a trace, and says where.
  private func imported(_ path: String, of shape: TraceShape) throws -> String {
    let known = ModelShape.named(shape.model)
    var importer = try TraceImporter(
      [path], format: nil,
      options: ImportOptions(
        model: known, experts: known == nil ? shape.experts : nil,
        topK: known == nil ? shape.topK : nil, readsWeights: false, opensArchives: false))
    let sink = BytesInMemory()
    var writer = try TraceWriter(sink, header: TraceHeader(shape: importer.shape))
    while let request = try importer.next() { try writer.append(request) }
    try writer.finish()
    let trace = path + ".moe.lz4"
    try Data(sink.bytes).write(to: URL(filePath: trace))
    return trace
  }

  /// Observes every token of a stream that was checked.
  private func replay(_ stream: TraceStream) throws -> Summary {
    var stream = stream
    var summary = Summary()
    let client = service.client()
    defer { client.close() }
    func ask(_ request: Request) throws {
      var reply = client.answer(request)
      while case .refused(.busy, _) = reply {
        _ = client.answer(.flush)
        reply = client.answer(request)
      }
      if case .refused(let status, let text) = reply { throw Refusal(status, text) }
    }
    var begun: Set<UInt64> = []
    while let chunk = try stream.next() {
      let block = chunk.block
      let tasks = Dictionary(block.labels.map { ($0.request, $0.task) }) { first, _ in first }
      var token = 0
      for run in block.runs {
        let position = client.progress(of: run.request)?.position
        if run.count > 0, position != run.firstToken {
          if position != nil { try ask(.end([run.request])) }
          try ask(
            .begin(
              .init(
                request: run.request, position: UInt64(run.firstToken),
                task: tasks[run.request] ?? "")))
          if begun.insert(run.request).inserted { summary.requests += 1 }
        }
        for _ in 0..<run.count {
          try ask(.open(.init(requests: [run.request], stages: [run.stage.rawValue])))
          for layer in 0..<block.shape.layers {
            try ask(
              .observe(
                .init(
                  layer: UInt32(layer), requests: [run.request],
                  ids: Self.row(block, layer: layer, token: token))))
          }
          token += 1
          summary.tokens += 1
        }
        if run.endsRequest, client.progress(of: run.request) != nil {
          try ask(.end([run.request]))
        }
      }
    }
    return summary
  }

  /// A token's ids at a layer, the empty slots last.
  private static func row(_ block: TokenBlock, layer: Int, token: Int) -> [UInt16] {
    let topK = block.shape.topK
    let at = (layer * block.tokens + token) * topK
    let ids = block.ids[at..<at + topK]
    let chosen = ids.filter { $0 != TokenBlock.emptySlot }
    return chosen + repeatElement(TokenBlock.emptySlot, count: topK - chosen.count)
  }
}

/// Bytes that are kept.
private final class BytesInMemory: ByteSink {
  private(set) var bytes: [UInt8] = []

  func write(_ more: UnsafeRawBufferPointer) { bytes += more }
}
