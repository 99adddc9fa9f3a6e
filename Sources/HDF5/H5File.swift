import CHDF5
import Locking

/// An HDF5 file in memory: a new one to fill and take as bytes, or bytes from outside to read.
///
/// libhdf5 never touches the disk here. Whoever writes the bytes decides how they become durable,
/// and whoever read them has seen every byte before HDF5 parses any.
///
/// ```swift
/// let file = try H5File()
/// try file.root.set("encoding-type", to: "table")
/// try file.root.create("counts", [1, 2, 3, 4] as [UInt32], shape: [2, 2])
/// let bytes = try file.bytes()
/// ```
///
/// The same calls with the same values give the same bytes: no times, no random names.
public struct H5File: ~Copyable {
  /// The group `/`.
  public let root: H5Group
  /// The file behind its objects.
  private let open: OpenFile

  /// Opens libhdf5, which else is opened with the first file, for whoever would do much before that
  /// in vain.
  ///
  /// - Throws: ``H5Error`` of the kind ``H5Error/Kind/unavailable``.
  public static func requireLibrary() throws(H5Error) { try H5Library.require() }

  /// A new, empty file, which takes no more than a reader with these limits does.
  ///
  /// - Throws: ``H5Error`` where HDF5 refuses it.
  public init(limits: H5Limits = H5Limits()) throws(H5Error) {
    let access = try H5Handle(
      "/", "the access list was not made", closedBy: { H5Pclose($0) },
      { H5Pcreate(chdf5_file_access()) })
    let creation = try H5Handle(
      "/", "the creation list was not made", closedBy: { H5Pclose($0) },
      { H5Pcreate(chdf5_file_create()) })
    let (accessID, creationID) = (access.id, creation.id)
    // Version 1.8's object headers carry checksums; every HDF5 since 2008 reads them.
    _ = try H5Library.call("/", "the access list was refused") {
      min(
        H5Pset_fapl_core(accessID, 4 << 20, false),
        H5Pset_libver_bounds(accessID, H5F_LIBVER_V18, H5F_LIBVER_V18),
        H5Pset_obj_track_times(creationID, false))
    }
    let name = H5Library.imageName()
    let handle = try H5Handle(
      "/", "no file was made", closedBy: { H5Fclose($0) },
      { H5Fcreate(name, chdf5_truncate(), creationID, accessID) })
    let file = OpenFile(handle, limits: limits)
    root = try H5Group(rootOf: file)
    open = file
  }

  /// A file to read, which `image` holds; its bytes are not copied.
  ///
  /// - Throws: ``H5Error`` where the bytes are not HDF5's.
  public init(reading image: H5Image, limits: H5Limits = H5Limits()) throws(H5Error) {
    let handle = try H5Handle(
      "/", "these bytes are not an intact HDF5 file",
      closedBy: { id in withExtendedLifetime(image) { H5Fclose(id) } },
      { H5LTopen_file_image(image.bytes.baseAddress, image.count, chdf5_image_borrowed()) })
    let file = OpenFile(handle, limits: limits)
    root = try H5Group(rootOf: file)
    open = file
  }

  /// Opens `/` once more, for an owner of its own.
  ///
  /// - Throws: ``H5Error`` where HDF5 refuses it.
  public borrowing func rootGroup() throws(H5Error) -> H5Group { try H5Group(rootOf: open) }

  /// A file to read, from bytes that are copied.
  ///
  /// - Throws: ``H5Error`` where the bytes are not HDF5's.
  public init(bytes: [UInt8], limits: H5Limits = H5Limits()) throws(H5Error) {
    let image = H5Image(count: bytes.count) { $0.copyBytes(from: bytes) }
    try self.init(reading: image, limits: limits)
  }

  /// The file's bytes as they would stand on a disk.
  ///
  /// - Throws: ``H5Error`` where HDF5 refuses it.
  /// - Complexity: O(bytes of the file).
  public borrowing func bytes() throws(H5Error) -> [UInt8] {
    let id = open.handle.id
    _ = try H5Library.call("/", "the file was not flushed") { H5Fflush(id, H5F_SCOPE_GLOBAL) }
    let size = try H5Library.call("/", "the file has no size") { H5Fget_file_image(id, nil, 0) }
    // H5Fget_file_image itself would spoil the superblock's checksum (1.10.8), so the bytes are
    // taken from the core driver's memory.
    var memory: UnsafeMutableRawPointer?
    _ = try H5Library.call("/", "the file has no image") {
      H5Fget_vfd_handle(id, chdf5_default(), &memory)
    }
    guard let image = memory?.load(as: UnsafeRawPointer?.self) else {
      throw H5Error(.library, at: "/", "the file has no image")
    }
    return [UInt8](UnsafeRawBufferPointer(start: image, count: size))
  }
}

/// A file's bytes at a fixed place in memory, from which HDF5 reads.
///
/// ```swift
/// let image = H5Image(count: bytes.count) { $0.copyBytes(from: bytes) }
/// let file = try H5File(reading: image)
/// ```
public final class H5Image: Sendable {
  /// Nobody writes here after `init`, so it may be shared.
  nonisolated(unsafe) let bytes: UnsafeMutableRawBufferPointer

  /// How many bytes.
  public let count: Int

  /// Allocates `count` bytes, zeroed, and lets `fill` write them.
  ///
  /// - Throws: what `fill` throws.
  public init<E: Error>(
    count: Int, fill: (UnsafeMutableRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, count), alignment: 16)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
    do throws(E) { try fill(UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])) } catch {
      bytes.deallocate()
      throw error
    }
    self.count = count
    self.bytes = bytes
  }

  /// Lends the bytes, for checksums before they are parsed.
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows
    -> Result
  {
    try body(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
  }

  deinit { bytes.deallocate() }
}

/// The file behind its objects: closed when the last of them is.
final class OpenFile: Sendable {
  /// HDF5's identifier of the file.
  let handle: H5Handle
  /// What may be read from the file, or written to it.
  let limits: H5Limits
  /// Bytes that were read or written.
  private let spent = Guarded(0)

  /// Counts `bytes` that are about to be read from, or written to, `path` against
  /// ``H5Limits/totalBytes``.
  func spend(_ bytes: Int, at path: String) throws(H5Error) {
    let total = spent.withLock { spent in
      spent += bytes
      return spent
    }
    guard total <= limits.totalBytes else {
      throw H5Error(
        .tooLarge, at: path, "would bring all datasets to \(total) of \(limits.totalBytes) bytes")
    }
  }

  /// The file that `handle` identifies.
  init(_ handle: consuming H5Handle, limits: H5Limits) {
    self.handle = handle
    self.limits = limits
  }
}
