/// What a client asks of a service.
///
/// Numbers are little-endian; arrays stand in the order of the properties, row by row, without gaps.
/// <doc:Protocol> has the bytes of each.
public enum Request: Hashable, Sendable {
  /// The first message of a connection.
  case hello(Greeting)
  /// Begins a request.
  case begin(Beginning)
  /// Ends requests, by their numbers.
  case end([UInt64])
  /// Opens the next token of each request.
  case open(Opening)
  /// Tells what routers chose.
  case observe(Observation)
  /// Asks which experts a layer will want.
  case forecast(Question)
  /// Tells of one layer and asks for a later one.
  case step(Observation, Question)
  /// How the service stands.
  case counts
  /// Accuracy of the predictor so numbered, over what it has scored.
  case score(UInt32)
  /// Waits until all closed tokens are learnt.
  case flush
  /// Waits until the model is on the disk with all that is closed.
  case save

  /// Its kind on the wire.
  public var kind: UInt16 {
    switch self {
    case .hello: 1
    case .begin: 2
    case .end: 3
    case .open: 4
    case .observe: 5
    case .forecast: 6
    case .step: 7
    case .counts: 8
    case .score: 9
    case .flush: 10
    case .save: 11
    }
  }

  /// What a client says first.
  public struct Greeting: Hashable, Sendable {
    /// The version that it speaks.
    public var version: ProtocolVersion
    /// The token, where the service wants one; else empty.
    public var token: String

    /// A greeting of this version.
    public init(version: ProtocolVersion = .current, token: String = "") {
      self.version = version
      self.token = token
    }
  }

  /// A request that begins.
  public struct Beginning: Hashable, Sendable {
    /// The number by which it is called from now on.
    public var request: UInt64
    /// The position of its first token that will be seen.
    public var position: UInt64
    /// Its task's name, or empty.
    public var task: String

    /// A request of this number.
    public init(request: UInt64, position: UInt64 = 0, task: String = "") {
      self.request = request
      self.position = position
      self.task = task
    }
  }

  /// Tokens that are opened together.
  public struct Opening: Hashable, Sendable {
    /// `[n]`, no two the same.
    public var requests: [UInt64]
    /// `[n]`: 0 for prefill, 1 for decode.
    public var stages: [UInt8]

    /// One token of each of `requests`.
    public init(requests: [UInt64], stages: [UInt8]) {
      self.requests = requests
      self.stages = stages
    }
  }

  /// Choices of one layer, a request each.
  public struct Observation: Hashable, Sendable {
    /// The MoE layer's ordinal.
    public var layer: UInt32
    /// `[n]`, no two the same.
    public var requests: [UInt64]
    /// `[n, K]`; `0xFFFF` for an empty slot, which stand last.
    public var ids: [UInt16]

    /// Choices of these requests at `layer`.
    public init(layer: UInt32, requests: [UInt64], ids: [UInt16]) {
      self.layer = layer
      self.requests = requests
      self.ids = ids
    }
  }

  /// A forecast that is asked for.
  public struct Question: Hashable, Sendable {
    /// The predictor's position, 0 for the first.
    public var predictor: UInt32
    /// Experts told.
    public var top: UInt32
    /// The MoE layer's ordinal; in a step that of the observation, and the forecast is of the layer
    /// that is the predictor's horizon ahead.
    public var layer: UInt32
    /// `[n]`; in a step those of the observation.
    public var requests: [UInt64]

    /// A question about `layer` of these requests.
    public init(predictor: UInt32 = 0, top: UInt32, layer: UInt32, requests: [UInt64]) {
      self.predictor = predictor
      self.top = top
      self.layer = layer
      self.requests = requests
    }
  }
}

/// A version of the protocol: a client must change where the major number does, and may use what a
/// higher minor one adds.
public struct ProtocolVersion: Hashable, Sendable, CustomStringConvertible {
  /// Of changes that old clients do not understand.
  public var major: UInt16
  /// Of additions.
  public var minor: UInt16

  /// A version of these numbers.
  public init(major: UInt16, minor: UInt16) {
    self.major = major
    self.minor = minor
  }

  /// The one that is described here.
  public static let current = ProtocolVersion(major: 1, minor: 0)

  /// Such as `1.0`.
  public var description: String { "\(major).\(minor)" }
}
