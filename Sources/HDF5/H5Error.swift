/// What went wrong with an HDF5 file: what, where in the file, and what HDF5 itself said. Whoever
/// knows the file's name adds it.
public struct H5Error: Error, Hashable, CustomStringConvertible {
  /// The kinds of failure a caller may want to tell apart.
  public enum Kind: Hashable, Sendable {
    /// No link or attribute of that name.
    case missing
    /// There, but not of the type, rank or shape that was asked for.
    case mismatch
    /// Forbidden in files from outside: links that lead elsewhere, foreign storage, filters other
    /// than fletcher32, shuffle and deflate.
    case forbidden
    /// Larger than the limits allow, or than the bytes stored for it could hold.
    case tooLarge
    /// HDF5 refused; ``H5Error/stack`` tells why.
    case library
    /// There is no libhdf5 of the version that is needed.
    case unavailable
  }

  /// What kind of failure it is.
  public var kind: Kind
  /// Path of the object within the file, such as `/token-markov/counts`; `libhdf5` where that is
  /// unavailable.
  public var path: String
  /// What is wrong there, as a clause without a full stop.
  public var problem: String
  /// HDF5's own error stack, outermost call first; empty unless `kind` is `library`.
  public var stack: [Frame]

  /// One record of HDF5's error stack.
  public struct Frame: Hashable, Sendable {
    /// The C function that reported it.
    public var function: String
    /// What it said.
    public var message: String
  }

  /// An error about the object at `path`.
  public init(_ kind: Kind, at path: String, _ problem: String, stack: [Frame] = []) {
    self.kind = kind
    self.path = path
    self.problem = problem
    self.stack = stack
  }

  /// One line: the path, the problem, and the innermost reason HDF5 gave.
  public var description: String {
    let reason = stack.last.map { " (HDF5: \($0.message), in \($0.function))" } ?? ""
    return "\(path): \(problem)\(reason)"
  }
}
