import PathText
import SystemPackage

/// A file that could not be read or made durable: which, at what step, why, and what to do.
public struct FileError: Error, Hashable, CustomStringConvertible {
  /// The steps of making a file durable, in their order, and of reading one.
  public enum Step: String, CaseIterable, Sendable {
    /// Making it durable: what stands there is looked at, a new file is made beside it, written,
    /// brought to the disk, closed and checked, generations move on, the new file takes the name,
    /// and the folder is brought to the disk.
    case inspect, create, write, synchronize, close, verify, rotate, rename, synchronizeFolder
    /// Before that, and to read one.
    case lock, open, read
  }

  /// The file.
  public var path: FilePath
  /// What was being done to it.
  public var step: Step
  /// What the system said, where it was the system.
  public var code: Errno?
  /// Why that failed, in words.
  public var problem: String
  /// What the user can do about it.
  public var remedy: String

  /// A failure; `code` where the system told it, whose usual remedy is the default.
  public init(
    _ path: FilePath, _ step: Step, _ problem: String, code: Errno? = nil, remedy: String? = nil
  ) {
    self.path = path
    self.step = step
    self.problem = problem
    self.code = code
    self.remedy = remedy ?? Self.remedy(for: code, at: step)
  }

  init(_ path: FilePath, _ step: Step, _ code: Errno) {
    let problem =
      switch step {
      case .inspect: "cannot be looked at"
      case .create: "no new file can be made beside it"
      case .write: "cannot be written"
      case .synchronize, .close: "cannot be brought to the disk"
      case .verify: "cannot be checked after writing"
      case .rotate: "its older generations cannot be kept"
      case .rename: "the new file cannot take its place"
      case .synchronizeFolder: "its folder cannot be brought to the disk"
      case .lock: "cannot be locked"
      case .open: "cannot be opened"
      case .read: "cannot be read"
      }
    self.init(path, step, problem, code: code)
  }

  private static func remedy(for code: Errno?, at step: Step) -> String {
    guard let code else { return "try again" }
    switch (step, code) {
    case (.open, _), (.read, _): return code.remedy(for: .reading)
    case (.create, _), (.lock, _): return code.remedy(for: .writing)
    // What stands there, or stood there, has gone.
    case (_, .noSuchFileOrDirectory): return "check the path"
    default: return code.remedy(for: .writing)
    }
  }

  /// One line: the file, what cannot be done to it, what the system said, and the remedy.
  public var description: String {
    "\(path.text): \(problem)" + (code.map { ": \($0)" } ?? "") + "; " + remedy
  }
}
