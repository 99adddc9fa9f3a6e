import DurableFile
import Forecast
import HDF5
import MemoryBudget
import PathText
import Prequential
import SystemPackage

/// A learner read from a model file, and the reading and writing of such files. Every checkpoint is
/// a model, and every model can be one.
///
/// ```swift
/// var learner = try Checkpoint.readNewest(of: "model.h5").learner
/// while let chunk = try stream.next() { try learner.consume(chunk) }
/// try Checkpoint.write(learner, to: "model.h5", keeping: 2)
/// ```
///
/// The layout of the file is described in <doc:Schema>. Runs that write checkpoints along the way
/// hold a ``CheckpointFile``, which keeps other writers out.
public struct Checkpoint: Sendable {
  /// What was learnt; it goes on to the same bytes as if it had never been written.
  public let learner: Learner
  /// The root's attributes, as the file has them.
  public let header: ModelHeader
  /// The file it was read from: the one asked for, or one of its older generations.
  public let path: String
  /// Bytes of the file.
  public let bytes: Int
  /// Whether the file ends with the seal that it was written with; one that was edited does not.
  public let isSealed: Bool
  /// Why newer generations were passed over, newest first.
  public let passedOver: [ModelError]

  /// Bytes of the largest file that is read, unless told otherwise.
  public static let maximumBytes = ModelLimits.fileBytes

  /// Reads one model file: seal, digests, types, shapes, ranges and totals are checked.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - catalog: the predictors that are known.
  ///   - limits: how large the tables in it may be.
  ///   - maximumBytes: how large the file may be.
  ///   - operations: the system's calls, which tests replace.
  ///   - memory: what may be allocated.
  /// - Throws: ``ModelError``.
  /// - Complexity: O(bytes of the tables); the file and its learner are in memory at once.
  public static func read(
    _ path: String, catalog: PredictorCatalog = .standard, limits: H5Limits = ModelLimits.hdf5,
    maximumBytes: Int = maximumBytes, operations: any FileOperations = SystemFileOperations(),
    memory: AvailableMemory = .ofThisProcess()
  ) throws(ModelError) -> Checkpoint {
    try read(
      path, requiringTotals: true, catalog: catalog, limits: limits, maximumBytes: maximumBytes,
      operations: operations, memory: memory)
  }

  /// Reads one model file as the public ``read(_:catalog:limits:maximumBytes:operations:memory:)``;
  /// `requiringTotals` is false to read what does not add up too, for inspection.
  static func read(
    _ path: String, requiringTotals: Bool, catalog: PredictorCatalog = .standard,
    limits: H5Limits = ModelLimits.hdf5, maximumBytes: Int = maximumBytes,
    operations: any FileOperations = SystemFileOperations(),
    memory: AvailableMemory = .ofThisProcess()
  ) throws(ModelError) -> Checkpoint {
    let (image, isSealed) = try load(path, maximumBytes: maximumBytes, operations: operations)
    do throws(MemoryShortage) {
      try memory.check(demand(of: image, limits: limits, catalog: catalog))
    } catch {
      throw ModelError(.tooLarge, file: path, problem: error.problem, remedy: error.remedy)
    }
    do throws(H5Error) {
      let (learner, header) = try ModelReader.learner(
        in: image, limits: limits, catalog: catalog, requiringTotals: requiringTotals)
      return Checkpoint(
        learner: learner, header: header, path: path, bytes: image.count, isSealed: isSealed,
        passedOver: [])
    } catch {
      throw ModelError(error, file: path)
    }
  }

  /// What the learner in a model file takes while it is read: nothing where the root cannot be
  /// read, which the reader then complains of.
  private static func demand(
    of image: H5Image, limits: H5Limits, catalog: PredictorCatalog
  ) -> MemoryDemand {
    guard let header = try? ModelReader(image, limits: limits, catalog: catalog).header else {
      return MemoryDemand("the model's tables", bytes: 0)
    }
    return Learner.memoryDemand(shape: header.shape, predictors: header.specs, for: .reading)
  }

  /// The learner in the bytes of a model file, which need no seal.
  ///
  /// - Parameters:
  ///   - bytes: the file's bytes.
  ///   - name: what to call the bytes in messages.
  ///   - catalog: the predictors that are known.
  ///   - limits: how large the tables in it may be.
  /// - Throws: ``ModelError``.
  public static func learner(
    in bytes: [UInt8], name: String, catalog: PredictorCatalog = .standard,
    limits: H5Limits = ModelLimits.hdf5
  ) throws(ModelError) -> Learner {
    let image = H5Image(count: bytes.count) { $0.copyBytes(from: bytes) }
    do throws(H5Error) {
      return try ModelReader.learner(in: image, limits: limits, catalog: catalog).learner
    } catch {
      throw ModelError(error, file: name)
    }
  }

  /// Reads the newest intact generation of `path`: itself, or `path.1`, `path.2`, ...
  ///
  /// A caller says so to its user where ``passedOver`` is not empty.
  ///
  /// - Throws: ``ModelError``, the newest generation's, where none is intact; at once where a file
  ///   is there but cannot be opened or read.
  /// - Complexity: O(bytes of the generations that are looked at).
  public static func readNewest(
    of path: String, catalog: PredictorCatalog = .standard,
    limits: H5Limits = ModelLimits.hdf5, maximumBytes: Int = maximumBytes,
    operations: any FileOperations = SystemFileOperations()
  ) throws(ModelError) -> Checkpoint {
    let found = generations(of: FilePath(text: path)).map(\.text)
    var passedOver: [ModelError] = []
    if found.first != path {
      passedOver.append(
        ModelError(
          .access, file: path, problem: "there is no such file",
          remedy: "check the path, or train it first, without --resume"))
    }
    for path in found {
      do throws(ModelError) {
        let checkpoint = try read(
          path, catalog: catalog, limits: limits, maximumBytes: maximumBytes,
          operations: operations)
        return Checkpoint(
          learner: checkpoint.learner, header: checkpoint.header, path: path,
          bytes: checkpoint.bytes, isSealed: checkpoint.isSealed, passedOver: passedOver)
      } catch {
        guard error.kind != .access else { throw error }
        passedOver.append(error)
      }
    }
    throw passedOver[0]
  }

  /// Reads the root's attributes alone: what the model is, not what it has learnt.
  ///
  /// - Throws: ``ModelError`` where the file cannot be read, or is no model.
  public static func header(
    of path: String, catalog: PredictorCatalog = .standard
  ) throws(ModelError) -> ModelHeader {
    let (image, _) = try load(
      path, maximumBytes: maximumBytes, operations: SystemFileOperations())
    do throws(H5Error) {
      return try ModelReader(image, limits: ModelLimits.hdf5, catalog: catalog).header
    } catch {
      throw ModelError(error, file: path)
    }
  }

  /// Reads what a ``Prequential/MergePlan`` knows of a model: the root and the digests, no tables.
  ///
  /// - Throws: ``ModelError`` where the file cannot be read, or is no model.
  static func shard(_ path: String) throws(ModelError) -> MergePlan.Shard {
    let (image, _) = try load(
      path, maximumBytes: maximumBytes, operations: SystemFileOperations())
    do throws(H5Error) {
      let reader = try ModelReader(image, limits: ModelLimits.hdf5, catalog: .standard)
      var state = LearnerState()
      try PastComponent.read(into: &state, from: reader)
      try StreamComponent.read(into: &state, from: reader)
      let header = reader.header
      return MergePlan.Shard(
        shape: header.shape, predictors: header.predictors, recallAt: header.recallAt,
        liveRequests: header.liveRequests,
        generations: state.past + (state.progress.tokens > 0 ? [Generation(state.progress)] : []))
    } catch {
      throw ModelError(error, file: path)
    }
  }

  /// Whether the file at `path` begins as HDF5 files do, or is called `.h5` and empty or cut.
  /// Nothing but the first bytes is read.
  public static func isModel(_ path: String) -> Bool {
    // A FIFO would hold up the opening, so look before.
    guard (try? FilePath(text: path).stat().type) == .regular,
      let beginning = try? firstBytes(of: FilePath(text: path), count: signature.count)
    else { return false }
    return beginning == signature
      || (beginning.count < signature.count && path.hasSuffix(".h5"))
  }

  /// A whole file in memory, its seal checked before HDF5 parses any of it.
  private static func load(
    _ path: String, maximumBytes: Int, operations: any FileOperations
  ) throws(ModelError) -> (image: H5Image, isSealed: Bool) {
    let image: H5Image
    do throws(FileError) {
      let file = try ReadableFile(FilePath(text: path), limit: maximumBytes, operations: operations)
      image = try H5Image(count: file.size) { bytes throws(FileError) in
        try file.read(into: bytes)
      }
    } catch {
      throw ModelError(error)
    }
    let (isHDF5, seal) = image.withBytes { ($0.starts(with: signature), Seal.check($0)) }
    guard seal != .broken else {
      throw ModelError(
        .damaged, file: path, problem: "its bytes are not those that were written",
        remedy: ModelError.insteadOf(path))
    }
    guard isHDF5 else {
      guard image.count > 0 else {
        throw ModelError(
          .damaged, file: path, problem: "it is empty", remedy: ModelError.insteadOf(path))
      }
      throw ModelError(
        .notAModel, file: path, problem: "it is not a model (no HDF5 file)",
        remedy: "name a model that `moecast train --model` wrote")
    }
    return (image, seal == .intact)
  }

  /// The first bytes of every HDF5 file.
  private static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
}

extension Checkpoint {
  /// The bytes of a learner's model file, seal included: the same for the same learner.
  ///
  /// - Throws: ``ModelError`` where it is more than a model file may hold.
  /// - Complexity: O(bytes of the tables).
  public static func bytes(of learner: Learner) throws(ModelError) -> [UInt8] {
    try bytes(of: learner, file: "the model")
  }

  /// The bytes of a learner's model file, which messages call `file`.
  private static func bytes(of learner: Learner, file: String) throws(ModelError) -> [UInt8] {
    try ModelLimits.check(learner, file: file)
    do throws(H5Error) {
      var bytes = try ModelWriter.bytes(of: learner)
      bytes += Seal.of(bytes)
      return bytes
    } catch {
      if error.kind == .unavailable { throw ModelError(error, file: file) }
      throw ModelError(
        .damaged, file: file, problem: error.description,
        remedy: "report this: a learner could not be written")
    }
  }

  /// Replaces the model at `path` in one step: new file, fsync, read back, rename, fsync of the
  /// folder.
  ///
  /// Reading back parses the new file as any reader would, and what it says must be what was to be
  /// written; only then does the old one give way. A model that is there already, byte for byte, is
  /// left as it is, and so are its generations. One that cannot be read is replaced and becomes no
  /// generation: it would push an intact one out.
  ///
  /// - Parameter keeping: older generations that stay, as `path.1` (the newest), `path.2`, ...
  /// - Throws: ``ModelError``; the old model is untouched then, but for a failure to bring the
  ///   folder to the disk after the rename.
  /// - Complexity: O(bytes of the tables), which are encoded, written and read back.
  public static func write(
    _ learner: Learner, to path: String, keeping: Int = 1,
    operations: any FileOperations = SystemFileOperations()
  ) throws(ModelError) {
    _ = try write(
      learner, to: path, keeping: keeping, verifiedSeal: nil, operations: operations)
  }

  /// Replaces the model at `path` as the public ``write(_:to:keeping:operations:)``; a file that
  /// ends with `verifiedSeal` and is whole was parsed before, and is not again.
  ///
  /// - Returns: the new file's seal.
  static func write(
    _ learner: Learner, to path: String, keeping: Int, verifiedSeal: [UInt8]?,
    operations: any FileOperations
  ) throws(ModelError) -> [UInt8] {
    let bytes = try bytes(of: learner, file: path)
    if (try? ReadableFile(FilePath(text: path), limit: bytes.count, operations: operations).bytes())
      == bytes
    {
      return Array(bytes.suffix(Seal.length))
    }
    var fault: ModelError?
    do throws(FileError) {
      try DurableFile.write(
        bytes, to: FilePath(text: path), keeping: keeping, keepingLeftovers: true,
        operations: operations,
        isWorthKeeping: {
          hasSeal(verifiedSeal, $0.text, operations)
            || isWorthKeeping(
              $0.text, catalog: PredictorCatalog(of: learner.specs), operations: operations)
        },
        verify: { temporary in
          do throws(ModelError) {
            try verify(temporary.text, holds: learner, bytes: bytes, of: path, operations)
          } catch {
            fault = error
            throw error
          }
        })
    } catch {
      throw fault ?? ModelError(error)
    }
    return Array(bytes.suffix(Seal.length))
  }

  /// Whether a file is whole and ends with this very seal.
  private static func hasSeal(
    _ seal: [UInt8]?, _ path: String, _ operations: any FileOperations
  ) -> Bool {
    guard let seal,
      let (image, isSealed) = try? load(
        path, maximumBytes: maximumBytes, operations: operations)
    else { return false }
    return isSealed && image.withBytes { $0.suffix(Seal.length).elementsEqual(seal) }
  }

  /// Whether a file is to become a generation: not where it was read and found to be no intact
  /// model.
  ///
  /// - Complexity: O(bytes of the tables) where the file is a model.
  public static func isWorthKeeping(
    _ path: String, catalog: PredictorCatalog = .standard,
    operations: any FileOperations = SystemFileOperations()
  ) -> Bool {
    do throws(ModelError) { _ = try read(path, catalog: catalog, operations: operations) } catch {
      // A file that there is too little memory to read is not at fault, and kept.
      return error.kind == .tooLarge
    }
    return true
  }

  /// Throws unless the file `temporary`, to become `path`, holds these bytes and reads as
  /// `learner`.
  private static func verify(
    _ temporary: String, holds learner: Learner, bytes: [UInt8], of path: String,
    _ operations: any FileOperations
  ) throws(ModelError) {
    let (image, isSealed): (H5Image, Bool)
    do throws(ModelError) {
      (image, isSealed) = try load(
        temporary, maximumBytes: bytes.count, operations: operations)
    } catch {
      throw ModelError(
        .access, file: path, problem: "what was written does not read back: \(error.problem)",
        remedy: error.kind == .damaged ? "check the disk" : error.remedy)
    }
    guard isSealed, image.withBytes({ $0.elementsEqual(bytes) }) else {
      throw ModelError(
        .damaged, file: path, problem: "other bytes came back than were written",
        remedy: "check the disk")
    }
    try requireLearner(learner, in: image, file: path)
  }

  /// Throws unless `image`, whose bytes are those written for `learner`, is read as that learner.
  private static func requireLearner(
    _ learner: Learner, in image: H5Image, file: String
  ) throws(ModelError) {
    let read: Learner
    do throws(H5Error) {
      read = try ModelReader.learner(
        in: image, limits: ModelLimits.hdf5, catalog: PredictorCatalog(of: learner.specs)
      ).learner
    } catch {
      throw ModelError(
        .damaged, file: file, problem: "it would not be read again: \(error)",
        remedy: "report this: a learner could not be written")
    }
    guard read == learner else {
      throw ModelError(
        .damaged, file: file, problem: "another learner would be read from it than was written",
        remedy: "report this: a learner could not be written")
    }
  }
}
