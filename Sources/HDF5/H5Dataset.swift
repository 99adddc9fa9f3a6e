import CHDF5

/// An open dataset: a table of numbers, or a column of strings, with its shape; closed when its
/// owner lets go.
///
/// ```swift
/// let counts = try file.root.dataset("counts")
/// let values = try counts.read(UInt32.self, shape: [2, 2])
/// ```
public struct H5Dataset: ~Copyable, H5Object {
  /// Path within the file, such as `/layer-markov/counts`.
  public let path: String
  /// Lengths of the axes; empty for a scalar.
  public let shape: [Int]
  /// How the values are stored, checked when it was opened.
  let storage: Storage
  /// HDF5's identifier of it.
  let handle: H5Handle
  /// The file it is in, kept open.
  let file: OpenFile

  /// HDF5's identifier, opaque outside this module.
  public var identifier: H5Identifier { H5Identifier(id: handle.id, file: file) }

  /// Where a dataset's values are.
  enum Storage: Hashable, Sendable {
    /// In one run of bytes, or inside the object header.
    case whole
    /// In chunks of `shape`, which passed through `filters` in this order when written.
    case chunks(shape: [Int], filters: [Filter])
  }

  /// The filters that chunks may have passed through.
  enum Filter: Hashable, Sendable { case deflate, shuffle, fletcher32 }

  /// An open dataset of this shape and storage.
  init(
    path: String, shape: [Int], storage: Storage, handle: consuming H5Handle, file: OpenFile
  ) {
    self.path = path
    self.shape = shape
    self.storage = storage
    self.handle = handle
    self.file = file
  }

  /// Opens the dataset that the link `name` of `group` leads to.
  init(opening name: String, at place: String, in group: hid_t, of file: OpenFile) throws(H5Error) {
    let opened = try H5Handle(
      place, "cannot be opened", closedBy: { id in withExtendedLifetime(file) { H5Dclose(id) } },
      { H5Dopen2(group, name, chdf5_default()) })
    let id = opened.id
    let space = try H5Handle(
      place, "has no dataspace", closedBy: { H5Sclose($0) }, { H5Dget_space(id) })
    let shape = try HDF5.shape(ofSpace: space.id, at: place)
    self.init(
      path: place, shape: shape, storage: try Self.storage(of: id, rank: shape.count, at: place),
      handle: opened, file: file)
  }

  /// How the dataset `id` is stored; throws where that is forbidden.
  private static func storage(of id: hid_t, rank: Int, at place: String) throws(H5Error) -> Storage
  {
    let list = try H5Handle(
      place, "has no creation list", closedBy: { H5Pclose($0) }, { H5Dget_create_plist(id) })
    let listID = list.id
    let (layout, externals, count) = H5Library.enter {
      (H5Pget_layout(listID), H5Pget_external_count(listID), H5Pget_nfilters(listID))
    }
    guard externals == 0 else {
      throw H5Error(.forbidden, at: place, "keeps its values in other files")
    }
    guard layout == H5D_CHUNKED else {
      guard layout == H5D_CONTIGUOUS || layout == H5D_COMPACT else {
        throw H5Error(.forbidden, at: place, "is a virtual dataset, made of other datasets")
      }
      guard count == 0 else { throw H5Error(.forbidden, at: place, "has filters but no chunks") }
      return .whole
    }
    guard (0...8).contains(count) else {
      throw H5Error(.forbidden, at: place, "passes through \(count) filters")
    }
    var filters: [Filter] = []
    for index in 0..<UInt32(count) {
      let filter = H5Library.enter { () -> H5Z_filter_t in
        var (flags, values, settings): (UInt32, Int, UInt32) = (0, 0, 0)
        return H5Pget_filter2(listID, index, &flags, &values, nil, 0, nil, &settings)
      }
      switch filter {
      case H5Z_FILTER_DEFLATE: filters.append(.deflate)
      case H5Z_FILTER_SHUFFLE: filters.append(.shuffle)
      case H5Z_FILTER_FLETCHER32: filters.append(.fletcher32)
      default:
        throw H5Error(
          .forbidden, at: place,
          "uses the filter \(filter); deflate, shuffle and fletcher32 are read")
      }
    }
    var lengths = [hsize_t](repeating: 0, count: rank)
    let chunkRank = try H5Library.call(place, "has no chunk shape") {
      H5Pget_chunk(listID, Int32(rank), &lengths)
    }
    guard chunkRank == rank, lengths.allSatisfy({ (1...(1 << 32)).contains($0) }) else {
      throw H5Error(.mismatch, at: place, "has chunks of another rank or length than its own")
    }
    return .chunks(shape: lengths.map { Int($0) }, filters: filters)
  }

  /// The type that the numbers have in the file; nil for strings and anything else.
  public var elementType: H5ElementType? {
    let id = handle.id
    return H5Library.enter {
      let type = H5Dget_type(id)
      guard type >= 0 else { return nil }
      defer { H5Tclose(type) }
      return H5ElementType.allCases.first { H5Tequal(type, $0.stored) > 0 }
    }
  }
}
