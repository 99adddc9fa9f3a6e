import CHDF5

/// An open group: named datasets and groups, and attributes; closed when its owner lets go.
///
/// ```swift
/// let metrics = try file.root.createGroup("metrics")
/// try metrics.set("unit", to: "bits")
/// for name in try metrics.names() { print(name) }
/// ```
///
/// Names are single links; there are no paths to walk, so no link is followed that was not looked
/// at.
public struct H5Group: ~Copyable, H5Object {
  /// Path within the file, `/` for the root.
  public let path: String
  /// HDF5's identifier of it.
  let handle: H5Handle
  /// The file it is in, kept open.
  let file: OpenFile

  /// HDF5's identifier, opaque outside this module.
  public var identifier: H5Identifier { H5Identifier(id: handle.id, file: file) }

  /// Opens the group `/`.
  init(rootOf file: OpenFile) throws(H5Error) {
    path = "/"
    self.file = file
    handle = try H5Handle(
      "/", "the root group cannot be opened",
      closedBy: { id in withExtendedLifetime(file) { H5Gclose(id) } },
      { H5Gopen2(file.handle.id, "/", chdf5_default()) })
  }

  /// An open group.
  private init(path: String, file: OpenFile, handle: consuming H5Handle) {
    self.path = path
    self.file = file
    self.handle = handle
  }

  /// Makes the group `name`.
  ///
  /// - Throws: ``H5Error`` where the name is no single one or is taken.
  @discardableResult
  public borrowing func createGroup(_ name: String) throws(H5Error) -> H5Group {
    let place = place(of: name)
    let list = try H5Handle(
      place, "the creation list was not made", closedBy: { H5Pclose($0) },
      { H5Pcreate(chdf5_group_create()) })
    let (listID, id, file) = (list.id, handle.id, file)
    _ = try H5Library.call(place, "the creation list was refused") {
      H5Pset_obj_track_times(listID, false)
    }
    let made = try H5Handle(
      place, "cannot be made", closedBy: { id in withExtendedLifetime(file) { H5Gclose(id) } },
      { H5Gcreate2(id, name, chdf5_default(), listID, chdf5_default()) })
    return H5Group(path: place, file: file, handle: made)
  }

  /// Opens the group `name`.
  ///
  /// - Throws: ``H5Error``: missing, a link that leads elsewhere, or not a group.
  public borrowing func group(_ name: String) throws(H5Error) -> H5Group {
    let place = place(of: name)
    try requireHardLink(name, to: H5O_TYPE_GROUP, "group")
    let (id, file) = (handle.id, file)
    let opened = try H5Handle(
      place, "cannot be opened", closedBy: { id in withExtendedLifetime(file) { H5Gclose(id) } },
      { H5Gopen2(id, name, chdf5_default()) })
    return H5Group(path: place, file: file, handle: opened)
  }

  /// Opens the dataset `name` and checks how it is stored.
  ///
  /// - Throws: ``H5Error``: missing, a link that leads elsewhere, not a dataset, or stored in a way
  ///   that is forbidden in files from outside.
  public borrowing func dataset(_ name: String) throws(H5Error) -> H5Dataset {
    try requireHardLink(name, to: H5O_TYPE_DATASET, "dataset")
    return try H5Dataset(opening: name, at: place(of: name), in: handle.id, of: file)
  }

  /// Whether there is a link of this name, of whatever kind.
  ///
  /// - Throws: ``H5Error`` where HDF5 refuses to look.
  public borrowing func contains(_ name: String) throws(H5Error) -> Bool {
    guard isSingleName(name) else { return false }
    let id = handle.id
    return try H5Library.call(place(of: name), "cannot be looked for") {
      H5Lexists(id, name, chdf5_default())
    } > 0
  }

  /// The names of all links, ascending by their bytes.
  ///
  /// They are taken in the order of the file and sorted here: libhdf5 1.10.8 sorts them in a table,
  /// which it frees half made where a link in it cannot be decoded.
  ///
  /// - Throws: ``H5Error`` where there are more than ``H5Limits/links``, or HDF5 refuses to look.
  /// - Complexity: O(n log n) for n links.
  public borrowing func names() throws(H5Error) -> [String] {
    let id = handle.id
    /// The most names taken.
    let limit = file.limits.links
    var found = Links(limit: limit)
    let result = try H5Library.call(path, "its links cannot be listed") {
      withUnsafeMutablePointer(to: &found) { found in
        H5Literate(
          id, H5_INDEX_NAME, H5_ITER_NATIVE, nil,
          { _, name, _, client in
            guard let name, let client else { return 1 }
            let found = client.assumingMemoryBound(to: Links.self)
            guard found.pointee.names.count < found.pointee.limit else { return 1 }
            found.pointee.names.append(String(cString: name))
            return 0
          }, UnsafeMutableRawPointer(found))
      }
    }
    guard result == 0 else {
      throw H5Error(.tooLarge, at: path, "holds more than \(limit) links")
    }
    return found.names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Throws unless the link `name` leads to an object of this very file, of the type wanted.
  private borrowing func requireHardLink(
    _ name: String, to type: H5O_type_t, _ word: String
  ) throws(H5Error) {
    let place = place(of: name)
    guard try contains(name) else { throw H5Error(.missing, at: place, "there is no such \(word)") }
    let id = handle.id
    var link = H5L_info_t()
    _ = try H5Library.call(place, "the link cannot be read") {
      H5Lget_info(id, name, &link, chdf5_default())
    }
    guard link.type == H5L_TYPE_HARD else {
      let kind =
        switch link.type {
        case H5L_TYPE_SOFT: "a soft link"
        case H5L_TYPE_EXTERNAL: "a link to another file"
        default: "a link of an unknown kind"
        }
      throw H5Error(.forbidden, at: place, "is \(kind); only objects of this file are read")
    }
    var object = H5O_info_t()
    _ = try H5Library.call(place, "cannot be looked at") {
      H5Oget_info_by_name2(id, name, &object, UInt32(H5O_INFO_BASIC), chdf5_default())
    }
    guard object.type == type else { throw H5Error(.mismatch, at: place, "is not a \(word)") }
  }

  /// Whether a name is that of a link and no path.
  private borrowing func isSingleName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/"))
  }
}

/// Names collected by HDF5's iteration.
private struct Links {
  let limit: Int
  /// The names so far.
  var names: [String] = []
}
