import DurableFile
import Live
import Locking
import ModelFile
import PathText
import Prequential
import RoutingTrace
import ServiceProtocol
import Synchronization
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A model that many clients ask for forecasts and tell of choices, kept in a file.
///
/// ```swift
/// let service = try ForecastService(model: "model.h5")
/// let client = service.client()
/// _ = client.answer(.begin(Request.Beginning(request: 7)))
/// print(client.answer(.step(observation, question)))
/// try service.save()
/// ```
///
/// It continues from the newest checkpoint of the file; what ``save()`` has returned for is not
/// lost, however the process ends.
public final class ForecastService: Sendable {
  /// How a service works.
  public struct Options: Sendable {
    /// Whether what is observed is learnt, and the file written.
    public var learns = true
    /// Older generations of the file that stay.
    public var keeping = 1
    /// The trace to record to; nil for none. It ends where the model is replaced.
    public var recording: String?
    /// What is taken.
    public var limits = ServiceLimits()
    /// Nanoseconds since any moment; the system's clock unless told otherwise.
    public var clock: @Sendable () -> UInt64 = monotonicNanoseconds

    /// What is usual.
    public init() {}
  }

  /// What it takes.
  public let limits: ServiceLimits
  /// Whether what is observed is learnt.
  public let learns: Bool
  /// What it has done.
  public let metrics = ServiceMetrics()
  /// Nanoseconds since any moment.
  public let clock: @Sendable () -> UInt64
  /// What whoever started it should know, a line each.
  public let warnings: [String]
  /// The model's file.
  public let path: String
  /// Keeps the model; nil where nothing is learnt, or the service has ended.
  private let keeper: Guarded<ModelKeeper?>
  private let current: Guarded<ServedModel>
  /// Why the last checkpoint was not written; nil where it was.
  private let trouble = Guarded<String?>(nil)
  /// Whether the process holds more than it may.
  private let isPressed = Atomic(false)
  /// The number that the next request has among all clients'.
  private let next = Atomic(UInt64(0))

  /// Serves the model of a file.
  ///
  /// - Parameters:
  ///   - path: the file; its newest intact generation is read.
  ///   - beginning: the learner to begin with where there is no such file; nil for an error then.
  /// - Throws: `ModelFile/ModelError`; `RoutingTrace/TraceError` where there can be no recording.
  public init(
    model path: String, beginning: Learner? = nil, options: Options = Options()
  ) throws {
    self.path = path
    limits = options.limits
    learns = options.learns
    clock = options.clock
    // The lock first: who has it not must not read what another is about to replace.
    let keeper =
      options.learns
      ? ModelKeeper(try CheckpointFile(path, keeping: options.keeping)) : nil
    let (learner, passedOver, isSaved) = try Self.learner(of: path, else: beginning)
    warnings = passedOver + (keeper?.warnings ?? [])
    self.keeper = Guarded(keeper)
    var live = LiveForecaster.Options()
    live.learns = options.learns
    live.recording = options.recording
    live.maximumRequests = options.limits.requests
    let model = try ServedModel(learner, options: live)
    if isSaved { model.saved.withLock { $0 = (learner.total(\.tokens), options.clock()) } }
    current = Guarded(model)
  }

  private static func learner(
    of path: String, else beginning: Learner?
  ) throws -> (Learner, passedOver: [String], isSaved: Bool) {
    if let beginning, generations(of: FilePath(text: path)).isEmpty {
      return (beginning, [], false)
    }
    let checkpoint = try Checkpoint.readNewest(of: path)
    return (checkpoint.learner, checkpoint.passedOver.map { "\($0)" }, true)
  }

  /// The model that forecasts now.
  public var model: ServedModel { current.withLock { $0 } }

  /// A client of its own: nobody else's requests are known to it, nor its to them.
  public func client() -> ClientSession { ClientSession(self) }

  /// Writes the model with all that is closed.
  ///
  /// - Returns: tokens that the model on the disk has learnt.
  /// - Throws: ``Refusal`` where nothing is learnt; `ModelFile/ModelError`. The file that was there
  ///   is untouched then.
  @discardableResult
  public func save() throws -> UInt64 {
    guard let keeper = keeper.withLock({ $0 }) else {
      throw Refusal(
        .mismatch,
        learns
          ? "the service has ended"
          : "the model is frozen, so there is nothing to save; serve it without --frozen")
    }
    return try save(model, by: keeper)
  }

  private func save(_ model: ServedModel, by keeper: ModelKeeper) throws -> UInt64 {
    do {
      let tokens = try keeper.save(model.live)
      model.saved.withLock { $0 = (tokens, clock()) }
      metrics.update { $0.saves += 1 }
      trouble.withLock { $0 = nil }
      return tokens
    } catch {
      trouble.withLock { $0 = "\(error)" }
      metrics.update { $0.failedSaves += 1 }
      throw error
    }
  }

  /// Why it should not be relied on: the last checkpoint failed; nil where all is well.
  public var complaint: String? { trouble.withLock { $0 } }

  /// Whether anything was learnt since the model was saved.
  public var hasNews: Bool {
    let model = model
    guard learns else { return false }
    return model.live.standing.tokensLearnt != model.saved.withLock { $0?.tokens }
  }

  /// Lets another model forecast from here on, which is saved in the place of the old one, whose
  /// last checkpoint stays as a generation. Requests under way must begin anew.
  ///
  /// - Parameter file: a model file of the same shape and name.
  /// - Throws: `ModelFile/ModelError`; the old model goes on then.
  public func replace(byFile file: String) throws {
    let learner = try Checkpoint.read(file).learner
    let old = model
    guard learner.shape.isOfSameModel(as: old.live.shape) else {
      throw Refusal(
        .mismatch,
        "\(file) is of \(learner.shape), and \(old.live.shape) is served; "
          + "start another service for another model")
    }
    var options = LiveForecaster.Options()
    options.learns = learns
    options.maximumRequests = limits.requests
    let new = try ServedModel(learner, options: options)
    if let keeper = keeper.withLock({ $0 }) {
      _ = try save(old, by: keeper)
      _ = try save(new, by: keeper)
    }
    current.withLock { $0 = new }
    try old.live.finish()
  }

  /// As ``replace(byFile:)``, by the bytes of a model file, which lie beside the old one meanwhile.
  public func replace(byBody body: [UInt8]) throws {
    let file = "\(path).\(nextNumber()).upload"
    do {
      let descriptor = try FileDescriptor.open(
        FilePath(text: file), .writeOnly, options: [.create, .truncate, .closeOnExec],
        permissions: [.ownerReadWrite])
      defer { try? descriptor.close() }
      _ = try descriptor.writeAll(body)
    } catch {
      unlink(file)
      throw Refusal(.file, "\(file): cannot be written (\(error)); make room in its folder")
    }
    defer { unlink(file) }
    do { try replace(byFile: file) } catch let error as ModelError {
      throw Refusal(
        Refusal(error).status, "\(error)".replacing(file, with: "the body"))
    }
  }

  /// A number that no other request has.
  func nextNumber() -> UInt64 {
    next.wrappingAdd(1, ordering: .relaxed).oldValue
  }

  /// How the process stands to its limit of memory.
  ///
  /// - Parameter held: bytes that it holds.
  public func note(memory held: Int) {
    isPressed.store(limits.memoryBytes > 0 && held > limits.memoryBytes, ordering: .relaxed)
  }

  /// Throws where no request may begin.
  func admitRequest(to model: ServedModel) throws(Refusal) {
    guard !isPressed.load(ordering: .relaxed) else {
      throw Refusal(
        .noRoom,
        "the service holds more than \(limits.memoryBytes >> 20) MiB, so no request is begun; "
          + "end requests, or raise --memory")
    }
    let under = model.live.standing.requests
    guard under < limits.requests else {
      throw Refusal(
        .noRoom,
        "\(under) requests are under way, and no more are taken; end some, or raise "
          + "--requests")
    }
  }

  /// Throws where no token may be opened, since learning does not keep up.
  func admitTokens(to model: ServedModel) throws(Refusal) {
    guard learns else { return }
    let waiting = model.live.standing.tokensWaiting
    guard waiting < limits.waitingTokens else {
      throw Refusal(
        .busy,
        "\(waiting) tokens wait to be learnt, and \(limits.waitingTokens) may; "
          + "ask again in a moment")
    }
  }

  /// Writes what was learnt and ends the recording; nothing may be observed after it.
  ///
  /// - Throws: as ``save()``, and what ending the recording throws.
  public func finish() throws {
    // The lock of the file goes with it, though others may still hold the service.
    defer { keeper.withLock { $0 = nil } }
    if learns { try save() }
    try model.live.finish()
  }
}
