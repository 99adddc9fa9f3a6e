/// What `torch.save` wrote, in memory: a zip archive of a pickle, `data.pkl`, and of the bytes of
/// tensors, `data/0`, `data/1` and so on.
///
/// ```swift
/// let file = try TorchFile(bytes)   // an UnsafeRawBufferPointer
/// if let tensor = file.root["counts"]?.tensor {
///   let count = try file.withArray(of: tensor) { (array) throws(ArchiveError) in array.count }
/// }
/// ```
///
/// Nothing of the pickle is run; see `PickleReader`. On which device a tensor was is passed over.
package struct TorchFile {
  /// The value that was saved.
  package let root: PickleValue
  private let archive: ZipArchive
  /// Where each member is in the directory, the first of one name; a recording has thousands.
  private let places: [String: Int]
  /// The folder of the archive that all members are in, with its slash.
  private let folder: String

  /// The name of the pickle in the archive.
  package static let pickleName = "data.pkl"

  /// Reads the pickle of the file that fills `bytes`, which must outlive the value.
  ///
  /// - Throws: ``ArchiveError`` where it is no such file, is damaged, or asks for more than data.
  /// - Complexity: O(bytes of the pickle).
  package init(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
    guard !bytes.starts(with: [0x80, 0x02]) else {
      throw ArchiveError(
        "it is a pickle that is no archive, as torch before 1.6 wrote them",
        remedy: "load it and save it anew with torch.save(data, path)")
    }
    archive = try ZipArchive(bytes)
    places = Dictionary(
      archive.members.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    guard
      let pickle = archive.members.first(where: {
        $0.name == Self.pickleName || $0.name.hasSuffix("/" + Self.pickleName)
      })
    else { throw ArchiveError("it has no \(Self.pickleName): it is no file of torch.save") }
    folder = String(pickle.name.dropLast(Self.pickleName.count))
    root = try archive.content(of: pickle) { (content) throws(ArchiveError) in
      guard content.remaining <= PickleReader.mostBytes else {
        throw ArchiveError(
          "its pickle takes \(content.remaining) bytes, more than \(PickleReader.mostBytes)",
          remedy: "save it in several files")
      }
      return try PickleReader.value(try content.take(content.remaining))
    }
    try checkByteOrder()
  }

  /// What `use` makes of the elements of `tensor`, last axis fastest.
  ///
  /// - Throws: ``ArchiveError`` where it does not lie there row by row, its storage is missing,
  ///   shorter than it or damaged, or what `use` throws.
  /// - Complexity: O(bytes of its storage).
  package func withArray<Result>(
    of tensor: TorchTensor, use: (NPYArray) throws(ArchiveError) -> Result
  ) throws(ArchiveError) -> Result {
    if let strides = tensor.otherStrides {
      throw ArchiveError(
        "a tensor of shape \(tensor.shape) lies there in another order (strides \(strides))",
        remedy: "save it with tensor.contiguous()")
    }
    let name = "\(folder)data/\(tensor.storage.key)"
    guard let member = member(name) else {
      throw ArchiveError("it has no \(name), which holds a tensor's numbers")
    }
    return try archive.content(of: member) { (content) throws(ArchiveError) in
      let size = tensor.storage.element.size
      guard content.remaining / size >= tensor.end else {
        throw ArchiveError(
          "its \(name) has \(content.remaining) bytes, too few for a tensor of shape \(tensor.shape)"
        )
      }
      // What stands before it is taken in pieces.
      var skipped = tensor.offset * size
      while skipped > 0 {
        let piece = min(skipped, 1 << 20)
        _ = try content.take(piece)
        skipped -= piece
      }
      return try use(
        NPYArray(element: tensor.storage.element, shape: tensor.shape, content: content))
    }
  }

  private func member(_ name: String) -> ZipArchive.Member? {
    places[name].map { archive.members[$0] }
  }

  /// Throws for files of big-endian machines.
  private func checkByteOrder() throws(ArchiveError) {
    guard let member = member(folder + "byteorder") else { return }
    let isLittle = try archive.content(of: member) { (content) throws(ArchiveError) in
      try content.take(min(content.remaining, 16)).elementsEqual("little".utf8)
    }
    guard isLittle else {
      throw ArchiveError(
        "its tensors are big-endian", remedy: "save it anew on a little-endian machine")
    }
  }
}

/// Numbers that tensors share.
struct TorchStorage {
  var element: NPYArray.Element
  /// Its name in the archive.
  var key: String
  /// Elements that it is said to have.
  var count: Int
}

/// A tensor of a ``TorchFile``: where in a storage its elements are.
package struct TorchTensor {
  /// The lengths of the axes, slowest first.
  package let shape: [Int]
  let storage: TorchStorage
  /// The element of the storage with which it begins.
  let offset: Int
  /// Elements (the product of the shape).
  package let count: Int
  /// The element behind its last.
  let end: Int
  /// The distances of neighbours on every axis, where they are not those of rows one after another.
  let otherStrides: [Int]?

  /// Axes that a tensor may have.
  static let mostAxes = 32

  /// The kind of the elements.
  package var element: NPYArray.Element { storage.element }

  /// - Throws: ``ArchiveError`` where it goes beyond its storage.
  init(
    storage: TorchStorage, offset: Int, shape: [Int], strides: [Int]
  ) throws(ArchiveError) {
    let impossible = ArchiveError("a tensor of shape \(shape) is not possible there")
    guard shape.count == strides.count, offset >= 0, shape.allSatisfy({ $0 >= 0 }) else {
      throw impossible
    }
    var count = 1
    var isRowByRow = true
    // The step of an axis is the size of all behind it; of an axis of one element it says nothing.
    for (length, step) in zip(shape, strides).reversed() {
      if length > 1, count > 0, step != count { isRowByRow = false }
      let (product, overflow) = count.multipliedReportingOverflow(by: length)
      guard !overflow else { throw impossible }
      count = product
    }
    guard count <= storage.count, offset <= storage.count - count else { throw impossible }
    (self.shape, self.storage, self.offset, self.count) = (shape, storage, offset, count)
    end = offset + count
    otherStrides = isRowByRow || count == 0 ? nil : strides
  }
}
