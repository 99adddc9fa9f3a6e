import Counting

/// The parts that a ``Mixture`` weighs against each other: each is a forecast of its own, from
/// another piece of what is known before an event.
///
/// ```swift
/// let parts: MixtureParts = [.layer, .token, .linear]
/// let mixture = Mixture(shape: shape, options: MixtureOptions(parts: parts))
/// ```
public struct MixtureParts: OptionSet, Hashable, Sendable {
  /// A bit a part, as the constants below say.
  public let rawValue: UInt32
  /// The parts whose bits are set.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// How often each expert was chosen in the layer (as ``Frequency``).
  public static let frequency = MixtureParts(rawValue: 1 << 0)
  /// Rows of the experts that the token chose one layer back, averaged (as ``LayerMarkov``).
  public static let layer = MixtureParts(rawValue: 1 << 1)
  /// Rows of the experts that the token chose two layers back, averaged.
  public static let skip2 = MixtureParts(rawValue: 1 << 2)
  /// Rows of the experts that the token chose three layers back, averaged.
  public static let skip3 = MixtureParts(rawValue: 1 << 3)
  /// Rows of the experts that the token chose four layers back, averaged.
  public static let skip4 = MixtureParts(rawValue: 1 << 4)
  /// Rows of the experts that the request's previous token chose in the layer, averaged (as
  /// ``TokenMarkov``).
  public static let token = MixtureParts(rawValue: 1 << 5)
  /// How often the request itself chose each expert in the layer so far.
  public static let request = MixtureParts(rawValue: 1 << 6)
  /// The request's own choices in the layer, the recent ones counting most: an earlier token counts
  /// 0.9 of the one after it.
  public static let recent = MixtureParts(rawValue: 1 << 7)
  /// Rows of all pairs of an expert chosen two layers back and one chosen one layer back, averaged.
  public static let pairs = MixtureParts(rawValue: 1 << 8)
  /// Rows of all pairs of an expert chosen one layer back and one chosen by the previous token,
  /// averaged.
  public static let jointPairs = MixtureParts(rawValue: 1 << 9)
  /// What stored tokens chose whose path through the layers so far is like this token's, late
  /// layers counting most.
  public static let nearPaths = MixtureParts(rawValue: 1 << 10)
  /// What stored tokens chose whose path, and whose predecessors' paths, are like this token's, all
  /// layers counting alike.
  public static let longPaths = MixtureParts(rawValue: 1 << 11)
  /// What the few stored tokens chose that match best of all in path and predecessors.
  public static let bestPaths = MixtureParts(rawValue: 1 << 12)
  /// A logistic regression on the experts chosen before, which learns what the other parts leave
  /// over.
  public static let linear = MixtureParts(rawValue: 1 << 13)

  /// What followed when the very same sets were chosen one, two and three layers back and by the
  /// previous token: a repeated token in a repeated place.
  public static let repeats = MixtureParts(rawValue: 1 << 14)

  /// Every part with its name, in the order of the mixture's inputs.
  public static let named: [(name: String, part: MixtureParts)] = [
    ("frequency", .frequency), ("layer", .layer), ("skip2", .skip2), ("skip3", .skip3),
    ("skip4", .skip4), ("token", .token), ("request", .request), ("recent", .recent),
    ("pairs", .pairs), ("joint-pairs", .jointPairs), ("near-paths", .nearPaths),
    ("long-paths", .longPaths), ("best-paths", .bestPaths), ("repeats", .repeats),
    ("linear", .linear),
  ]

  /// The name of one part; nil where there is none.
  static func name(_ part: MixtureParts) -> String? { named.first { $0.part == part }?.name }

  /// The parts that search stored paths.
  static let paths: MixtureParts = [.nearPaths, .longPaths, .bestPaths]

  /// Every part: the preset `mixture-all`.
  public static let all = MixtureParts(rawValue: (1 << 15) - 1)
  /// The parts that are worth their time: the preset `mixture`.
  public static let standard: MixtureParts = [
    .frequency, .layer, .recent, .nearPaths, .longPaths, .bestPaths, .linear,
  ]
  /// Few parts and no search of stored paths, hence several times as fast: the preset
  /// `mixture-fast`.
  public static let fast: MixtureParts = [.layer, .recent, .linear]
}

/// The settings of a ``Mixture``: its parts, how far ahead it looks, and hyperparameters, which are
/// the same for every model.
///
/// ```swift
/// var options = MixtureOptions(parts: .fast)
/// options.horizon = 2          // forecast each layer when those up to two before it are known
/// let same = MixtureOptions(name: "mixture-fast:h2")   // equal to options
/// ```
public struct MixtureOptions: Hashable, Sendable {
  /// The parts in use; those of the preset `mixture` unless given.
  public var parts: MixtureParts = .standard
  /// How many layers ahead the forecast looks, 0 to 4: 1 forecasts a layer from all before it. 0
  /// stands for the next token: every layer from earlier tokens only.
  public var horizon = 1
  /// Whether the names of requests' tasks, where traces tell them, are an input of the linear part.
  public var usesTasks = false
  /// Whether a request's decode is forecast from what its prefill left behind; else it begins anew.
  public var keepsPrefill = true
  /// Tokens whose paths are stored, rounded up to a power of two from 512; the oldest is
  /// overwritten first.
  public var storedPaths = 16_384
  /// A row of a table is halved when its sum reaches this, so that old counts fade; 0 never halves,
  /// and keeps merging exact.
  public var halvingTotal = 0

  /// Options with these parts, all else as the preset `mixture` has it.
  public init(parts: MixtureParts = .standard) { self.parts = parts }

  /// Whether nothing is to be known of a token's request before it.
  func isFresh(_ owner: TokenOwner) -> Bool {
    owner.isFirst || (owner.entersDecode && !keepsPrefill)
  }

  /// The presets that ``init(name:)`` knows, for messages.
  public static let names = ["mixture", "mixture-fast", "mixture-all"]

  /// Options by a predictor's name: a preset, then any number of changes, each after a colon:
  /// `mixture`, `mixture-fast:h2`, `mixture:next`, `mixture:without-linear`, `mixture:only-layer`,
  /// `mixture:with-pairs`, `mixture:tasks`, `mixture:cold-decode`, `mixture:halving-4096`.
  ///
  /// - Returns: nil where the name is none of these.
  public init?(name: String) {
    let words = name.split(separator: ":", omittingEmptySubsequences: false)
    switch words.first {
    case "mixture": self.init()
    case "mixture-fast": self.init(parts: .fast)
    case "mixture-all": self.init(parts: .all)
    default: return nil
    }
    for word in words.dropFirst() {
      guard change(by: word) else { return nil }
    }
  }

  /// Makes one change that a name asks for, such as `h2`; false where there is no such change.
  private mutating func change(by word: Substring) -> Bool {
    func part(after prefix: String) -> MixtureParts? {
      guard word.hasPrefix(prefix) else { return nil }
      let name = word.dropFirst(prefix.count)
      if name == "paths" { return .paths }
      return MixtureParts.named.first { $0.name == name }?.part
    }
    switch word {
    case "h1", "h2", "h3", "h4": horizon = Int(word.dropFirst()) ?? 1
    case "next": horizon = 0
    case "tasks": usesTasks = true
    case "cold-decode": keepsPrefill = false
    default:
      if word.hasPrefix("halving-"), let total = Int(word.dropFirst(8)), total >= 16 {
        halvingTotal = min(total, Int(Int32.max))
      } else if let part = part(after: "without-") {
        parts.subtract(part)
      } else if let part = part(after: "only-") {
        parts = part
      } else if let part = part(after: "with-") {
        parts.formUnion(part)
      } else {
        return false
      }
    }
    return true
  }
}
