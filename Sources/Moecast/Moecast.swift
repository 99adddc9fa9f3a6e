/// Everything that a program needs of this package, under one import.
///
/// ```swift
/// let stream = try TraceStream([trace])
/// var learner = try Learner(shape: stream.shape, predictors: ["layer-markov", "mixture-fast"])
/// var run = TrainingRun()
/// run.stopAfter = 4
/// try run.consume(stream, into: &learner)
/// let recall = learner.score(of: 1, stages: [.decode]).recall(at: 8)
/// try Checkpoint.write(learner, to: model)
/// ```

@_exported import Counting
@_exported import Demand
@_exported import Export
@_exported import Forecast
@_exported import Insight
@_exported import LZ4Frame
@_exported import Live
@_exported import LoadProfile
@_exported import ModelFile
@_exported import Placement
@_exported import Prequential
@_exported import RoutingTrace
@_exported import Serving
@_exported import ShardSums
@_exported import Staging
@_exported import TraceImport
@_exported import Training
@_exported import Wafer
