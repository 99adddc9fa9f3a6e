import Counting
import RoutingTrace

/// A mixture as a predictor among others.
extension Mixture: ForecastModel {
  public var horizon: Int { options.horizon }

  /// Its line in the catalog: presets, and the changes of ``MixtureOptions/init(name:)``.
  static var catalogEntry: PredictorCatalog.Entry {
    PredictorCatalog.Entry(names: MixtureOptions.names) { name in
      MixtureOptions(name: name).map { .learning(name, $0) }
    }
  }
}

extension MixtureOptions: ModelSettings {
  public func model(shape: TraceShape) -> Mixture { Mixture(shape: shape, options: self) }

  public func bytes(shape: TraceShape) -> Int { Mixture.bytes(shape: shape, options: self) }

  public func largestColumn(shape: TraceShape) -> Int {
    Mixture.largestColumn(shape: shape, options: self)
  }

  public func codedBytes(shape: TraceShape, tokens: Int, places: Int) -> Int {
    Mixture.codedBytes(shape: shape, options: self, tokens: tokens, places: places)
  }
}
