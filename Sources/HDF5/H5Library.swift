import CHDF5
import Locking

/// The one door to libhdf5, which is opened when it is first gone through.
///
/// Debian's serial library holds unguarded global state, so every call of it, from any thread,
/// happens inside ``enter(_:)``; it is held for one operation, never across two.
enum H5Library {
  /// How many images the library was given, behind the lock of all its calls.
  private static let images = Guarded(UInt64(0))

  /// Why the library cannot be called; nil where it can.
  private static let absence: H5Error? = {
    if let error = LibraryFile.open(LibraryFile.candidates) { return error }
    _ = H5open()
    // No filter may be loaded from a folder named by the environment.
    _ = H5PLset_loading_state(0)
    return nil
  }()

  /// Opens the library unless it is open.
  ///
  /// - Throws: ``H5Error`` of the kind ``H5Error/Kind/unavailable``.
  static func require() throws(H5Error) {
    if let absence { throw absence }
  }

  /// Runs `body`, for an owner of one of the library's identifiers, alone in it, nothing printed.
  static func enter<Result: Sendable>(_ body: () -> Result) -> Result {
    collecting(body).result
  }

  /// Runs `body` alone in the library; the frames are those of the first call that failed.
  ///
  /// HDF5 calls its error printer where a public function fails and clears the stack where the next
  /// one begins, so a collector stands in the printer's place; functions of the high-level library
  /// would otherwise lose their reason on the way out.
  private static func collecting<Result: Sendable>(
    _ body: () -> Result
  ) -> (result: Result, frames: [H5Error.Frame]) {
    images.withLock { _ in
      var frames: [H5Error.Frame] = []
      let result = withUnsafeMutablePointer(to: &frames) { frames in
        _ = H5Eset_auto2(chdf5_error_stack(), collectErrorStack, UnsafeMutableRawPointer(frames))
        defer { _ = H5Eset_auto2(chdf5_error_stack(), nil, nil) }
        return body()
      }
      return (result, frames)
    }
  }

  /// A name no other open file of this process has; HDF5 takes files of one name for one file.
  static func imageName() -> String {
    images.withLock { images in
      images += 1
      return "image-\(images)"
    }
  }

  /// Runs one operation; a negative result becomes an ``H5Error`` with HDF5's error stack, and so
  /// does a library that is not there.
  static func call<Result: SignedInteger & Sendable>(
    _ path: String, _ problem: @autoclosure () -> String, _ body: () -> Result
  ) throws(H5Error) -> Result {
    try require()
    let (result, frames) = collecting(body)
    guard result >= 0 else { throw H5Error(.library, at: path, problem(), stack: frames) }
    return result
  }
}

/// Adds HDF5's error stack, outermost call first, to the frames that `client` points at.
private func collectErrorStack(stack: hid_t, client: UnsafeMutableRawPointer?) -> herr_t {
  guard let client, client.assumingMemoryBound(to: [H5Error.Frame].self).pointee.isEmpty else {
    return 0
  }
  return H5Ewalk2(
    stack, H5E_WALK_DOWNWARD,
    { _, entry, client in
      guard let entry = entry?.pointee, let client else { return 0 }
      client.assumingMemoryBound(to: [H5Error.Frame].self).pointee.append(
        H5Error.Frame(
          function: entry.func_name.map { String(cString: $0) } ?? "?",
          message: entry.desc.map { String(cString: $0) } ?? "no message"))
      return 0
    }, client)
}

/// An open HDF5 identifier, closed when its owner goes.
struct H5Handle: ~Copyable {
  /// The identifier.
  let id: hid_t
  /// What closes it.
  private let close: @Sendable (hid_t) -> herr_t

  /// Opens by `open` and closes by `close`.
  init(
    _ path: String, _ problem: @autoclosure () -> String,
    closedBy close: @escaping @Sendable (hid_t) -> herr_t, _ open: () -> hid_t
  ) throws(H5Error) {
    id = try H5Library.call(path, problem(), open)
    self.close = close
  }

  deinit {
    _ = H5Library.enter { close(id) }
  }
}
