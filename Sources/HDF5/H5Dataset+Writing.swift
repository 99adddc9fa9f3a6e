import CHDF5

extension H5Group {
  /// Makes the dataset `name` of `shape` and writes `values`, last axis fastest.
  ///
  /// - Parameters:
  ///   - name: the link's name in this group.
  ///   - values: as many as the shape has.
  ///   - shape: lengths of the axes.
  ///   - layout: how the values lie in the file.
  /// - Throws: ``H5Error`` where it is larger than the file's limits, or HDF5 refuses it.
  /// - Complexity: O(bytes of the values).
  @discardableResult
  public borrowing func create<Value: H5Element>(
    _ name: String, _ values: [Value], shape: [Int], layout: H5Layout = .contiguous
  ) throws(H5Error) -> H5Dataset {
    let place = place(of: name)
    guard values.count == shape.reduce(1, *) else {
      throw H5Error(.mismatch, at: place, "\(values.count) values for the shape \(written(shape))")
    }
    let size = Value.elementType.size
    try file.spend(
      checkedBytes(shape, size: size, limit: file.limits.datasetBytes, at: place), at: place)
    if case .chunked(let chunk, _) = layout {
      _ = try checkedBytes(chunk, size: size, limit: file.limits.chunkBytes, at: place)
    }
    let type = try H5Handle(
      place, "the type was not copied", closedBy: { H5Tclose($0) },
      { H5Tcopy(Value.elementType.stored) })
    let dataset = try create(name, typeID: type.id, shape: shape, layout: layout, at: place)
    let id = dataset.handle.id
    guard !values.isEmpty else { return dataset }
    _ = try H5Library.call(place, "cannot be written") {
      values.withUnsafeBytes {
        H5Dwrite(
          id, Value.elementType.native, chdf5_all(), chdf5_all(), chdf5_default(), $0.baseAddress)
      }
    }
    return dataset
  }

  /// Makes a one-dimensional dataset of UTF-8 strings, as wide as the longest of them.
  ///
  /// - Throws: ``H5Error`` where it is larger than the file's limits, or HDF5 refuses it.
  /// - Complexity: O(strings x the longest).
  @discardableResult
  public borrowing func create(_ name: String, _ values: [String]) throws(H5Error) -> H5Dataset {
    let place = place(of: name)
    for value in values { try requireNoNUL(value, at: place) }
    let width = max(1, values.map(\.utf8.count).max() ?? 1)
    try file.spend(
      checkedBytes(
        [values.count], size: width, limit: file.limits.datasetBytes, at: place), at: place)
    let type = try makeStringType(bytes: width, at: place)
    let dataset = try create(
      name, typeID: type.id, shape: [values.count], layout: .contiguous, at: place)
    guard !values.isEmpty else { return dataset }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(width * values.count)
    for value in values {
      bytes += value.utf8
      bytes += repeatElement(0, count: width - value.utf8.count)
    }
    let (id, typeID) = (dataset.handle.id, type.id)
    _ = try H5Library.call(place, "cannot be written") {
      bytes.withUnsafeBytes {
        H5Dwrite(id, typeID, chdf5_all(), chdf5_all(), chdf5_default(), $0.baseAddress)
      }
    }
    return dataset
  }

  /// Makes a dataset of a type without values.
  private borrowing func create(
    _ name: String, typeID: hid_t, shape: [Int], layout: H5Layout, at place: String
  ) throws(H5Error) -> H5Dataset {
    let list = try H5Handle(
      place, "the creation list was not made", closedBy: { H5Pclose($0) },
      { H5Pcreate(chdf5_dataset_create()) })
    let listID = list.id
    var storage = H5Dataset.Storage.whole
    _ = try H5Library.call(place, "the creation list was refused") {
      min(H5Pset_obj_track_times(listID, false), H5Pset_fill_time(listID, H5D_FILL_TIME_NEVER))
    }
    if case .chunked(let chunk, let compressed) = layout {
      storage = .chunks(
        shape: chunk, filters: (compressed ? [.shuffle, .deflate] : []) + [.fletcher32])
      _ = try H5Library.call(place, "the chunks \(written(chunk)) were refused") {
        var result = H5Pset_chunk(listID, Int32(chunk.count), chunk.map { hsize_t($0) })
        if compressed {
          result = min(result, H5Pset_shuffle(listID), H5Pset_deflate(listID, 1))
        }
        return min(result, H5Pset_fletcher32(listID))
      }
    }
    let space = try makeSpace(shape.isEmpty ? nil : shape, at: place)
    let (groupID, spaceID, file) = (handle.id, space.id, file)
    let made = try H5Handle(
      place, "cannot be made", closedBy: { id in withExtendedLifetime(file) { H5Dclose(id) } },
      {
        H5Dcreate2(
          groupID, name, typeID, spaceID, chdf5_default(), listID, chdf5_default())
      })
    return H5Dataset(path: place, shape: shape, storage: storage, handle: made, file: file)
  }
}

extension H5Dataset {
  /// Makes this one-dimensional dataset a dimension scale called `name`: the values that an axis of
  /// other datasets counts.
  ///
  /// - Throws: ``H5Error`` where HDF5 refuses it.
  public borrowing func makeScale(_ name: String) throws(H5Error) {
    let id = handle.id
    _ = try H5Library.call(path, "cannot become a dimension scale") { H5DSset_scale(id, name) }
  }

  /// Names axis `axis` by `scale`, so that readers such as xarray know what it counts.
  ///
  /// - Throws: ``H5Error`` where HDF5 refuses it, such as for a dataset that is no scale.
  public borrowing func attach(
    _ scale: borrowing H5Dataset, toAxis axis: Int
  ) throws(H5Error) {
    let (id, scaleID) = (handle.id, scale.handle.id)
    _ = try H5Library.call(path, "cannot take a scale on axis \(axis)") {
      H5DSattach_scale(id, scaleID, UInt32(axis))
    }
  }
}
