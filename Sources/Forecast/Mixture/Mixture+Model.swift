import Counting
import RoutingTrace

/// A mixture as a predictor among others.
extension Mixture: ForecastModel {
  /// Layers ahead, from the options.
  public var horizon: Int { options.horizon }

  /// The mixtures' line in the catalog: the presets by name, with the changes of
  /// ``MixtureOptions/init(name:)``.
  static var catalogEntry: PredictorCatalog.Entry {
    PredictorCatalog.Entry(names: MixtureOptions.names) { name in
      MixtureOptions(name: name).map { .learning(name, $0) }
    }
  }
}

/// The options of a mixture as settings of a predictor: each call asks ``Mixture`` itself.
extension MixtureOptions: ModelSettings {
  /// A mixture of these options that has learnt nothing.
  public func model(shape: TraceShape) -> Mixture { Mixture(shape: shape, options: self) }

  /// Bytes of memory that a mixture takes at most; see ``Mixture/bytes(shape:options:)``.
  public func bytes(shape: TraceShape) -> Int { Mixture.bytes(shape: shape, options: self) }

  /// Bytes of the largest column in a file; see ``Mixture/largestColumn(shape:options:)``.
  public func largestColumn(shape: TraceShape) -> Int {
    Mixture.largestColumn(shape: shape, options: self)
  }

  /// Bytes of all columns in a file; see ``Mixture/codedBytes(shape:options:tokens:places:)``.
  public func codedBytes(shape: TraceShape, tokens: Int, places: Int) -> Int {
    Mixture.codedBytes(shape: shape, options: self, tokens: tokens, places: places)
  }
}
