/// The predictors that there are, by name.
///
/// A new predictor is a file of its own and a line in ``standard``. Others' predictors are added to a
/// catalog that is handed to whoever reads names: a learner, or a model file.
public struct PredictorCatalog: Sendable {
  /// One predictor, or a family of them that share the beginning of their names.
  public struct Entry: Sendable {
    /// Names for people, who may vary them where it is a family.
    public let names: [String]
    fileprivate let spec: @Sendable (String) -> PredictorSpec?

    /// - Parameter spec: the predictor of a name; nil where the name is none of this entry's.
    public init(names: [String], spec: @escaping @Sendable (String) -> PredictorSpec?) {
      self.names = names
      self.spec = spec
    }

    /// A formula over counts.
    public static func counting(_ predictor: some CountingPredictor) -> Entry {
      .one(.counting(predictor))
    }

    /// A predictor of one name.
    public static func one(_ spec: PredictorSpec) -> Entry {
      Entry(names: [spec.name]) { $0 == spec.name ? spec : nil }
    }
  }

  private var entries: [Entry]

  /// All that ship with moecast, simplest first.
  public static let standard = PredictorCatalog(entries: [
    .counting(Frequency()),
    .counting(LayerMarkov()),
    .counting(LayerProduct()),
    .counting(TokenMarkov()),
    Mixture.catalogEntry,
  ])

  /// What `train` learns unless told otherwise: predictors whose tables others use, and the best forecast
  /// there is.
  public static let standardNames = [
    "frequency", "layer-markov", "layer-product", "token-markov", "mixture",
  ]

  /// The names of the counting predictors that ship with moecast.
  public static var counting: [String] {
    standard.entries.flatMap(\.names).filter { standard.spec(named: $0)?.predictor != nil }
  }

  /// Predictors that take less memory than others, best first: what to say where memory is short.
  public static var smallerAlternatives: [PredictorSpec] {
    ["mixture-fast", "layer-markov", "frequency"].compactMap { standard.spec(named: $0) }
  }

  private init(entries: [Entry]) { self.entries = entries }

  /// The catalog of these predictors alone, and those that ship with moecast.
  public init(of specs: [PredictorSpec]) {
    self.init(entries: specs.map { .one($0) } + Self.standard.entries)
  }

  /// The same with one entry more, which is asked last.
  public func adding(_ entry: Entry) -> PredictorCatalog {
    PredictorCatalog(entries: entries + [entry])
  }

  /// The names of all entries, for messages.
  public var names: [String] { entries.flatMap(\.names) }

  /// The predictor of a name; nil where there is none.
  public func spec(named name: String) -> PredictorSpec? {
    for entry in entries {
      if let spec = entry.spec(name) { return spec }
    }
    return nil
  }

  /// The predictors of these names, in their order.
  ///
  /// - Throws: ``PredictorNameError`` where one is not known, or named twice.
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

/// Why names are no list of predictors.
public enum PredictorNameError: Error, Hashable, CustomStringConvertible {
  /// No predictor has this name.
  case unknown(String, known: [String])
  /// A predictor is named twice.
  case repeated(String)

  public var description: String {
    switch self {
    case .unknown(let name, let known):
      "unknown predictor '\(name)'; there are " + known.joined(separator: ", ")
    case .repeated(let name): "predictor '\(name)' is named twice; name it once"
    }
  }
}
