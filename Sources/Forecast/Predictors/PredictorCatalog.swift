/// The predictors that can be asked for, by name. Command lines and model files name predictors;
/// the catalog makes a ``PredictorSpec`` of each name.
///
/// ```swift
/// let specs = try PredictorCatalog.standard.specs(named: ["layer-markov", "mixture-fast:h2"])
/// let larger = PredictorCatalog.standard.adding(.counting(Uniform()))   // see CountingPredictor
/// ```
///
/// A new predictor is a file of its own and a line in ``standard``. Programs that bring predictors
/// of their own add them with ``adding(_:)`` and hand the catalog to whoever reads names: a
/// learner, or the reader of a model file.
public struct PredictorCatalog: Sendable {
  /// One predictor, or a family of predictors whose names begin alike, such as `mixture` and
  /// `mixture:h2`.
  public struct Entry: Sendable {
    /// Names to show in messages. A family accepts more than these, such as `mixture:h2`.
    public let names: [String]
    /// The predictor of a name, or nil where the name is none of this entry's.
    fileprivate let spec: @Sendable (String) -> PredictorSpec?

    /// An entry that parses names by itself.
    ///
    /// - Parameters:
    ///   - names: names to show in messages.
    ///   - spec: the predictor of a name; nil where the name is none of this entry's.
    public init(names: [String], spec: @escaping @Sendable (String) -> PredictorSpec?) {
      self.names = names
      self.spec = spec
    }

    /// The entry of a formula over counts, called by its own name.
    public static func counting(_ predictor: some CountingPredictor) -> Entry {
      .one(.counting(predictor))
    }

    /// The entry of a predictor that has just one name.
    public static func one(_ spec: PredictorSpec) -> Entry {
      Entry(names: [spec.name]) { $0 == spec.name ? spec : nil }
    }
  }

  /// In the order in which they are asked.
  private var entries: [Entry]

  /// All predictors that ship with moecast, simplest first: `frequency`, `layer-markov`,
  /// `layer-product`, `token-markov`, and the presets of ``Mixture``.
  public static let standard = PredictorCatalog(entries: [
    .counting(Frequency()),
    .counting(LayerMarkov()),
    .counting(LayerProduct()),
    .counting(TokenMarkov()),
    Mixture.catalogEntry,
  ])

  /// The predictors that `moecast train` learns unless told otherwise: the counting ones, whose
  /// tables `simulate` and `export` use, and `mixture`, which forecasts best.
  public static let standardNames = [
    "frequency", "layer-markov", "layer-product", "token-markov", "mixture",
  ]

  /// The names of the counting predictors that ship with moecast.
  public static var counting: [String] {
    standard.entries.flatMap(\.names).filter { standard.spec(named: $0)?.predictor != nil }
  }

  /// Predictors that take less memory than the standard ones, the best forecaster first; messages
  /// name them where memory is short.
  public static var smallerAlternatives: [PredictorSpec] {
    ["mixture-fast", "layer-markov", "frequency"].compactMap { standard.spec(named: $0) }
  }

  private init(entries: [Entry]) { self.entries = entries }

  /// A catalog that knows these predictors by their names, and all of ``standard`` behind them.
  public init(of specs: [PredictorSpec]) {
    self.init(entries: specs.map { .one($0) } + Self.standard.entries)
  }

  /// The same catalog with one entry more. It is asked last, so it cannot hide a predictor that is
  /// already there.
  public func adding(_ entry: Entry) -> PredictorCatalog {
    PredictorCatalog(entries: entries + [entry])
  }

  /// The names of all entries, for messages.
  public var names: [String] { entries.flatMap(\.names) }

  /// The predictor of a name; nil where no entry knows it.
  ///
  /// - Complexity: O(entries).
  public func spec(named name: String) -> PredictorSpec? {
    for entry in entries {
      if let spec = entry.spec(name) { return spec }
    }
    return nil
  }

  /// The predictors of these names, in their order, as learners want them.
  ///
  /// - Throws: ``PredictorNameError`` where a name is not known, or stands twice.
  /// - Complexity: O(names x entries).
  public func specs(named names: [String]) throws(PredictorNameError) -> [PredictorSpec] {
    var specs: [PredictorSpec] = []
    for name in names {
      guard let spec = spec(named: name) else { throw .unknown(name, known: self.names) }
      guard !specs.contains(spec) else { throw .repeated(name) }
      specs.append(spec)
    }
    return specs
  }
}

/// Why a list of names is no list of predictors.
public enum PredictorNameError: Error, Hashable, CustomStringConvertible {
  /// No predictor has this name; `known` lists the names to choose from.
  case unknown(String, known: [String])
  /// The same predictor is named twice.
  case repeated(String)

  /// One sentence for the command line.
  public var description: String {
    switch self {
    case .unknown(let name, let known):
      "unknown predictor '\(name)'; there are " + known.joined(separator: ", ")
    case .repeated(let name): "predictor '\(name)' is named twice; name it once"
    }
  }
}
