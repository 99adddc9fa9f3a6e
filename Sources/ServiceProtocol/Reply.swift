/// What a service answers.
public enum Reply: Hashable, Sendable {
  /// To a greeting: whom one is talking to.
  case hello(Introduction)
  /// To what needs no answer but that it was done: begin, end, open, observe, flush.
  case done
  /// To a forecast or a step.
  case ranked(RankedBatch)
  /// To a question for counts.
  case counts(Counts)
  /// To a question for accuracy.
  case score(Score)
  /// To a save: tokens that the model on the disk has learnt.
  case saved(tokens: UInt64)
  /// Nothing was done, and why.
  case refused(Status, String)

  /// The service and its model.
  public struct Introduction: Hashable, Sendable {
    /// The version that is spoken.
    public var version: ProtocolVersion
    /// MoE layers, from 1.
    public var layers: UInt32
    /// Routed experts a layer.
    public var experts: UInt32
    /// Experts a token chooses in a layer.
    public var topK: UInt32
    /// Requests that one message may be about.
    public var maximumRequests: UInt32
    /// Bytes of the longest body.
    public var maximumBody: UInt32
    /// Whether what is observed is learnt.
    public var learns: Bool
    /// The model's own numbers of its MoE layers.
    public var modelLayers: [UInt32]
    /// The model's name, or empty.
    public var name: String
    /// What forecasts, the first first.
    public var predictors: [Predictor]

    /// A predictor by name.
    public struct Predictor: Hashable, Sendable {
      /// Its name.
      public var name: String
      /// Layers that it forecasts ahead; 0 where it needs none of the token's.
      public var horizon: UInt32

      /// A predictor of this name.
      public init(name: String, horizon: UInt32) {
        self.name = name
        self.horizon = horizon
      }
    }

    /// An introduction of these values.
    public init(
      version: ProtocolVersion = .current, layers: UInt32, experts: UInt32, topK: UInt32,
      maximumRequests: UInt32, maximumBody: UInt32, learns: Bool, modelLayers: [UInt32],
      name: String, predictors: [Predictor]
    ) {
      self.version = version
      self.layers = layers
      self.experts = experts
      self.topK = topK
      self.maximumRequests = maximumRequests
      self.maximumBody = maximumBody
      self.learns = learns
      self.modelLayers = modelLayers
      self.name = name
      self.predictors = predictors
    }
  }

  /// Forecasts of some requests.
  public struct RankedBatch: Hashable, Sendable {
    /// Experts a request.
    public var top: UInt32
    /// `[n, top]`: probabilities of the same experts.
    public var chances: [Float]
    /// `[n, top]`: ids, the likeliest first; `0xFFFF` where a step is behind the last layer that can
    /// be forecast.
    public var ranked: [UInt16]

    /// Forecasts of these values.
    public init(top: UInt32, chances: [Float], ranked: [UInt16]) {
      self.top = top
      self.chances = chances
      self.ranked = ranked
    }
  }

  /// How a service stands.
  public struct Counts: Hashable, Sendable {
    /// Tokens that the present model has learnt, by earlier streams too.
    public var tokensLearnt: UInt64
    /// Tokens that were closed and are not learnt yet.
    public var tokensWaiting: UInt64
    /// Requests under way.
    public var requests: UInt64
    /// Tokens that the model on the disk has learnt.
    public var tokensSaved: UInt64

    /// Counts of these values.
    public init(
      tokensLearnt: UInt64, tokensWaiting: UInt64, requests: UInt64, tokensSaved: UInt64
    ) {
      self.tokensLearnt = tokensLearnt
      self.tokensWaiting = tokensWaiting
      self.requests = requests
      self.tokensSaved = tokensSaved
    }
  }

  /// How right a predictor was; not a number where nothing was scored.
  public struct Score: Hashable, Sendable {
    /// Events scored.
    public var events: UInt64
    /// Recall of the first 1, k, 2k and 4k experts.
    public var recall: [Double]
    /// Bits an expert chosen.
    public var logLossBits: Double

    /// A score of these values; four of recall.
    public init(events: UInt64, recall: [Double], logLossBits: Double) {
      self.events = events
      self.recall = recall
      self.logLossBits = logLossBits
    }
  }
}
