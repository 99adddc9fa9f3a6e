import CHDF5

/// A group or dataset: something with a path and attributes.
///
/// ```swift
/// try object.set("version", to: UInt32(2))
/// let version = try object.number("version", as: UInt32.self)
/// ```
public protocol H5Object: ~Copyable {
  /// Path within the file, such as `/layer-markov/counts`.
  var path: String { get }
  /// HDF5's identifier, opaque outside this module.
  var identifier: H5Identifier { get }
}

/// An HDF5 identifier that only this module can use.
public struct H5Identifier: Sendable {
  let id: hid_t
  let file: OpenFile
}

extension H5Object where Self: ~Copyable {
  /// The path of what is called `name` in this object.
  func place(of name: String) -> String { path == "/" ? "/\(name)" : "\(path)/\(name)" }
}

/// A dataspace of `shape`, or of one scalar where `shape` is nil.
func makeSpace(_ shape: [Int]?, at path: String) throws(H5Error) -> H5Handle {
  let dims = shape?.map { hsize_t($0) }
  return try H5Handle(
    path, "the dataspace was not made", closedBy: { H5Sclose($0) },
    { dims.map { H5Screate_simple(Int32($0.count), $0, nil) } ?? H5Screate(H5S_SCALAR) })
}

/// Throws where `text` would be cut at a NUL when it is read.
func requireNoNUL(_ text: String, at place: String) throws(H5Error) {
  guard !text.utf8.contains(0) else {
    throw H5Error(.mismatch, at: place, "holds a NUL, at which a text ends")
  }
}

/// A fixed-length UTF-8 string type, padded with zeros.
///
/// Variable-length strings live in a heap that libhdf5 1.10 reads without checking its sizes, so
/// files from outside are only ever read through fixed lengths.
func makeStringType(bytes: Int, at path: String) throws(H5Error) -> H5Handle {
  let type = try H5Handle(
    path, "the string type was not made", closedBy: { H5Tclose($0) }, { H5Tcopy(chdf5_string()) })
  let id = type.id
  _ = try H5Library.call(path, "the string type was refused") {
    min(
      H5Tset_size(id, max(1, bytes)), H5Tset_strpad(id, H5T_STR_NULLPAD),
      H5Tset_cset(id, H5T_CSET_UTF8))
  }
  return type
}

/// The shape of the space `space`; its rank is at most 32, its lengths at most 2^62.
func shape(ofSpace space: hid_t, at path: String) throws(H5Error) -> [Int] {
  let kind = H5Library.enter { H5Sget_simple_extent_type(space) }
  guard kind == H5S_SIMPLE || kind == H5S_SCALAR else {
    throw H5Error(.mismatch, at: path, "has no values")
  }
  let rank = try H5Library.call(path, "has no rank") { H5Sget_simple_extent_ndims(space) }
  guard rank <= 32 else { throw H5Error(.mismatch, at: path, "has rank \(rank)") }
  var dims = [hsize_t](repeating: 0, count: Int(rank))
  _ = try H5Library.call(path, "has no shape") {
    H5Sget_simple_extent_dims(space, &dims, nil)
  }
  var shape: [Int] = []
  for length in dims {
    guard length <= 1 << 62 else { throw H5Error(.tooLarge, at: path, "has an axis of \(length)") }
    shape.append(Int(length))
  }
  return shape
}

/// Bytes of `shape` elements of `size`, at most `limit`.
func checkedBytes(
  _ shape: [Int], size: Int, limit: Int, at path: String
) throws(H5Error) -> Int {
  var bytes = size
  for length in shape {
    let (product, overflow) = bytes.multipliedReportingOverflow(by: length)
    guard !overflow else {
      throw H5Error(.tooLarge, at: path, "declares the shape \(shape), more than memory can hold")
    }
    bytes = product
  }
  guard bytes <= limit else {
    throw H5Error(.tooLarge, at: path, "declares \(bytes) bytes; at most \(limit) are possible")
  }
  return bytes
}

/// `shape` as people write it: `2 x 3`, or `scalar`.
func written(_ shape: [Int]) -> String {
  shape.isEmpty ? "scalar" : shape.map(String.init).joined(separator: " x ")
}
