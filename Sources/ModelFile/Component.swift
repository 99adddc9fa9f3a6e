import Counting
import Forecast
import HDF5
import Prequential
import RoutingTrace

/// One part of a learner's state, and the groups of a model file that hold it.
///
/// A new part is a new type here and one entry in ``Components/all``.
protocol Component {
  /// The groups below the root that this part may have.
  static var groups: [String] { get }

  /// Writes the part; every group by a ``GroupWriter``, finished.
  static func write(_ learner: Learner, to file: borrowing ModelWriter) throws(H5Error)

  /// Reads the part into `state`, every value checked.
  static func read(
    into state: inout LearnerState, from file: borrowing ModelReader
  ) throws(H5Error)
}

/// All parts, in the order in which they are written and read.
enum Components {
  static var all: [any Component.Type] {
    [
      PastComponent.self, CountsComponent.self, MetricsComponent.self, HistoryComponent.self,
      StreamComponent.self, RequestsComponent.self, PredictorsComponent.self,
    ]
  }
}

/// What has been read of a learner so far.
struct LearnerState {
  /// What was learnt before the stream.
  var past: [Generation] = []
  /// The integer tables, one a MoE layer.
  var counts: [LayerCounts] = []
  /// `[layer][predictor]`
  var metrics: [[LayerMetrics]] = []
  /// Figures noted along the stream.
  var history: [HistoryRow] = []
  /// How far the stream was read.
  var progress = StreamProgress()
  /// The requests under way.
  var requests = RequestBook()
  /// In the order of the predictors with state of their own.
  var models: [LearntModel] = []

  /// The learner, when all components have been read.
  func learner(_ header: ModelHeader) -> Learner {
    Learner(
      shape: header.shape, specs: header.specs, recallAt: header.recallAt,
      layers: zip(counts, metrics).map { LayerLearner(counts: $0, metrics: $1) },
      models: models, requests: requests, progress: progress, history: history,
      past: past)
  }
}
