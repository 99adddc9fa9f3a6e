import DurableFile
import HDF5
import PathText
import SystemPackage

/// Why a model cannot be read, written or merged: which file, what is wrong and where in it, and
/// what the user can do.
public struct ModelError: Error, Hashable, CustomStringConvertible {
  /// The kinds of fault, for programs.
  public enum Kind: Hashable, Sendable {
    /// The file cannot be opened, read, written or locked.
    case access
    /// It is something else than a model.
    case notAModel
    /// A checksum, a total or a value in it is wrong, or something is missing.
    case damaged
    /// It holds what this program does not read: another version, links, foreign storage.
    case unsupported
    /// It does not fit what it is to be used with.
    case mismatch
    /// It exceeds what this program accepts.
    case tooLarge
  }

  /// What kind of fault it is.
  public var kind: Kind
  /// The file's path as the user gave it.
  public var file: String
  /// What is wrong, and where in the file.
  public var problem: String
  /// What the user can do.
  public var remedy: String

  /// An error about the model `file`.
  public init(_ kind: Kind, file: String, problem: String, remedy: String) {
    self.kind = kind
    self.file = file
    self.problem = problem
    self.remedy = remedy
  }

  /// A failed call of the system.
  init(_ error: FileError) {
    self.init(
      .access, file: error.path.text,
      problem: error.problem + (error.code.map { ": \($0)" } ?? ""),
      remedy: error.remedy)
  }

  /// A fault inside the file, told of the file.
  init(_ error: H5Error, file: String) {
    if error.path == ModelHeader.encodingTypePath {
      self = .foreign(file)
      return
    }
    if error.kind == .unavailable {
      self.init(
        .access, file: file,
        problem: "\(error.description), and models are HDF5 files",
        remedy: "install HDF5's high-level library, on Debian by `apt install libhdf5-hl-100`")
      return
    }
    let kind: Kind =
      switch error.kind {
      case .missing, .mismatch, .library, .unavailable: .damaged
      case .forbidden: .unsupported
      case .tooLarge: .tooLarge
      }
    let remedy =
      ModelHeader.isOfAnotherProgram(error)
      ? "use the moecast that wrote it, or train again" : Self.insteadOf(file)
    self.init(kind, file: file, problem: error.description, remedy: remedy)
  }

  /// The error of an HDF5 file that another program made.
  static func foreign(_ file: String) -> ModelError {
    ModelError(
      .notAModel, file: file,
      problem: "it is an HDF5 file of another program: \(ModelHeader.encodingTypePath) is not "
        + "'\(ModelHeader.encodingType)'",
      remedy: "name a model that `moecast train --model` wrote")
  }

  /// What to do about a damaged model: an older generation is named only where there is one.
  static func insteadOf(_ file: String) -> String {
    let older = generations(of: FilePath(text: file)).map(\.text).first { $0 != file }
    return (older.map { "use \($0), the generation before it" } ?? "use another copy of it")
      + ", or train again"
  }

  /// One line: the file, the problem, what to do.
  public var description: String { "\(file): \(problem); \(remedy)" }
}
