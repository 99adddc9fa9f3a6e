import Counting
import Forecast
import HDF5
import Prequential
import RoutingTrace

/// What a model file may hold: one set of limits, which the writer keeps and the reader asks for.
///
/// ```swift
/// let specs = try PredictorCatalog.standard.specs(named: ["mixture"])
/// try ModelLimits.check("model.h5", shape: shape, predictors: specs)
/// ```
///
/// A model's name is bounded by `RoutingTrace/TraceShape/maximumNameBytes`, its sums along the
/// stream by `Prequential/Learner`.
public enum ModelLimits {
  /// All tables whose size follows from shape and predictors, decoded: 3 GiB.
  public static let tableBytes = 3 << 30
  /// What grows along the stream, decoded: digests of chunks and figures noted, 1 GiB.
  public static let streamBytes = 1 << 30
  /// Largest file that is read. Tables that cannot be compressed grow by their checksums, less than
  /// a hundredth, so no file that keeps the other limits is larger.
  public static let fileBytes = 4 << 30 + 128 << 20
  /// Predictors of a model at most.
  public static let predictors = 256
  /// Bytes of their names at most, with commas between them.
  public static let predictorBytes = 32 << 10
  /// The n of recall@n at most.
  public static let recall = 256
  /// The largest n of recall@n.
  public static let largestRecall = Int(UInt32.max)
  /// Requests under way that are remembered at most.
  public static let liveRequests = 1 << 24

  /// The limits of a model file in the terms of `HDF5/H5Limits`.
  public static let hdf5 = H5Limits(datasetBytes: tableBytes, totalBytes: tableBytes + streamBytes)

  /// Throws unless a model of this shape and these settings can be written, and then read.
  ///
  /// Allocates nothing, so it is asked before anything is learnt and before tables are made.
  ///
  /// - Parameters:
  ///   - file: what to call the model in messages.
  ///   - shape: the shape of the traces.
  ///   - specs: the predictors.
  ///   - recallAt: the n of recall@n; nil for the default.
  ///   - liveRequests: requests under way that are remembered.
  /// - Throws: ``ModelError`` of kind `tooLarge`.
  public static func check(
    _ file: String, shape: TraceShape, predictors specs: [PredictorSpec], recallAt: [Int]? = nil,
    liveRequests: Int = RequestBook.standardCapacity
  ) throws(ModelError) {
    let settings = Settings(
      shape: shape, specs: specs,
      recallAt: recallAt ?? Learner.defaultRecall(topK: shape.topK), liveRequests: liveRequests)
    if let fault = settings.fault {
      throw ModelError(
        .tooLarge, file: file, problem: "no model can hold this: it \(fault.problem)",
        remedy: fault.remedy)
    }
  }

  /// The same for a learner, with what it has noted along its stream.
  static func check(_ learner: Learner, file: String) throws(ModelError) {
    try check(
      file, shape: learner.shape, predictors: learner.specs, recallAt: learner.recallAt,
      liveRequests: learner.requests.capacity)
    let (rows, chunks) = (learner.history.count, Int(learner.total(\.chunks)))
    let row = 28 + learner.specs.count * 8 * (3 + learner.recallAt.count)
    guard rows * row + chunks * 8 <= streamBytes else {
      throw ModelError(
        .tooLarge, file: file,
        problem: "\(rows) points of the stream and \(chunks) chunks are more than a model holds",
        remedy: "note figures less often (--every), or train the rest as a model of its own")
    }
  }
}

extension ModelLimits {
  /// What decides the size of a model before anything is learnt.
  struct Settings {
    var shape: TraceShape
    var specs: [PredictorSpec]
    var recallAt: [Int]
    var liveRequests: Int

    /// What is beyond a limit, in words that follow "it", and what to do about it.
    var fault: (problem: String, remedy: String)? {
      let names = specs.names.joined(separator: ",").utf8.count
      guard specs.count <= ModelLimits.predictors, names <= ModelLimits.predictorBytes else {
        return (
          "has \(specs.count) predictors whose names take \(names) bytes; at most "
            + "\(ModelLimits.predictors) of \(ModelLimits.predictorBytes) bytes are possible",
          "name fewer with --predictors"
        )
      }
      guard recallAt.count <= ModelLimits.recall,
        recallAt.allSatisfy({ (1...ModelLimits.largestRecall).contains($0) })
      else {
        return (
          "notes recall at \(recallAt.count) places up to \(recallAt.max() ?? 0); at most "
            + "\(ModelLimits.recall) up to \(ModelLimits.largestRecall) are possible",
          "name fewer or smaller ones with --recall-at"
        )
      }
      guard (1...ModelLimits.liveRequests).contains(liveRequests) else {
        return (
          "remembers \(liveRequests) requests; 1 to \(ModelLimits.liveRequests) are possible",
          "remember fewer"
        )
      }
      guard bytes <= ModelLimits.tableBytes else {
        return (
          "has tables of \(bytes) bytes for \(specs.names.joined(separator: ",")) with "
            + "\(shape.layers) layers of \(shape.experts) experts; at most "
            + "\(ModelLimits.tableBytes) are possible",
          remedy
        )
      }
      return nil
    }

    /// Bytes of all tables, decoded; those of live requests and stored paths as if full.
    var bytes: Int {
      let (layers, experts) = (shape.layers, shape.experts)
      var bytes = layers * experts * 4 + liveRequests * (29 + shape.idsPerToken * 2)
      let tables = [.layerPairs, .tokenPairs].count(where: specs.tables.contains)
      bytes += tables * layers * experts * experts * 4
      bytes += specs.count * layers * 2 * (16 + experts * 8)
      for settings in specs.settings {
        bytes += settings.codedBytes(shape: shape, tokens: .max, places: liveRequests)
      }
      return bytes
    }

    /// The predictors that fit, cheapest first, where any do.
    private var remedy: String {
      let catalog = PredictorCatalog.standard
      for names in [PredictorCatalog.counting, ["frequency", "layer-markov"], ["frequency"]] {
        var smaller = self
        smaller.specs = names.compactMap { catalog.spec(named: $0) }
        if smaller.bytes < bytes, smaller.bytes <= ModelLimits.tableBytes {
          return "train with --predictors " + names.joined(separator: ",")
        }
      }
      return "train without --model"
    }
  }
}
