/// A value that ``TorchWriter`` saves.
package enum TorchValue {
  case none
  case integer(Int)
  case text(String)
  case list([TorchValue])
  case tuple([TorchValue])
  case dictionary([(key: String, value: TorchValue)])
  /// Whole numbers of four bytes, last axis fastest.
  case int32([Int32], shape: [Int])
  /// Whole numbers of eight bytes, last axis fastest.
  case int64([Int64], shape: [Int])
  /// Numbers in single precision, last axis fastest.
  case float32([Float], shape: [Int])
}

/// Writes what `torch.load` and ``TorchFile`` read: an archive of a pickle and of tensors' bytes.
///
/// ```swift
/// let file = try TorchWriter.file(.dictionary([("counts", .int32([1, 2], shape: [2]))]))
/// ```
package struct TorchWriter {
  private var pickle: [UInt8] = [0x80, 2]
  private var storages: [[UInt8]] = []

  /// The bytes of the file that holds `value`.
  ///
  /// - Precondition: tensors have as many numbers as their shapes.
  /// - Complexity: O(bytes of the tensors).
  package static func file(_ value: TorchValue) throws -> [UInt8] {
    var writer = TorchWriter()
    writer.write(value)
    writer.pickle.append(0x2E)
    let data = writer.storages.enumerated().map { (name: "archive/data/\($0)", content: $1) }
    return try ZipWriter.archive(
      [(name: "archive/data.pkl", content: writer.pickle)]
        + [(name: "archive/byteorder", content: Array("little".utf8))] + data
        + [(name: "archive/version", content: Array("3\n".utf8))])
  }

  private mutating func write(_ value: TorchValue) {
    switch value {
    case .none: pickle.append(0x4E)
    case .integer(let number): write(number)
    case .text(let text): write(text)
    case .list(let values):
      pickle += [0x5D, 0x28]
      for value in values { write(value) }
      pickle.append(0x65)
    case .tuple(let values): writeTuple { for value in values { $0.write(value) } }
    case .dictionary(let pairs):
      pickle += [0x7D, 0x28]
      for pair in pairs {
        write(pair.key)
        write(pair.value)
      }
      pickle.append(0x75)
    case .int32(let values, let shape): write(values, of: "IntStorage", shape)
    case .int64(let values, let shape): write(values, of: "LongStorage", shape)
    case .float32(let values, let shape): write(values, of: "FloatStorage", shape)
    }
  }

  private mutating func write(_ number: Int) {
    if let byte = UInt8(exactly: number) {
      pickle += [0x4B, byte]
    } else if let word = Int32(exactly: number) {
      pickle.append(0x4A)
      pickle.append(littleEndian: word)
    } else {
      pickle += [0x8A, 8]
      pickle.append(littleEndian: number)
    }
  }

  private mutating func write(_ text: String) {
    pickle.append(0x58)
    pickle.append(littleEndian: UInt32(text.utf8.count))
    pickle += text.utf8
  }

  private mutating func writeTuple(_ elements: (inout TorchWriter) -> Void) {
    pickle.append(0x28)
    elements(&self)
    pickle.append(0x74)
  }

  /// A tensor: the call of torch's function that builds one, on a storage of its own.
  private mutating func write<Number>(_ values: [Number], of storage: String, _ shape: [Int]) {
    precondition(values.count == shape.reduce(1, *), "a number a place of the shape")
    let key = storages.count
    storages.append(values.withUnsafeBytes { Array($0) })
    pickle += Array("ctorch._utils\n_rebuild_tensor_v2\n".utf8)
    writeTuple { writer in
      writer.writeTuple {
        $0.write("storage")
        $0.pickle += Array("ctorch\n\(storage)\n".utf8)
        $0.write("\(key)")
        $0.write("cpu")
        $0.write(values.count)
      }
      writer.pickle.append(0x51)
      writer.write(0)
      writer.writeTuple { for length in shape { $0.write(length) } }
      writer.writeTuple {
        for axis in shape.indices { $0.write(shape[(axis + 1)...].reduce(1, *)) }
      }
      // It needs no gradient and has no hooks.
      writer.pickle += [0x89] + Array("ccollections\nOrderedDict\n".utf8) + [0x29, 0x52]
    }
    pickle.append(0x52)
  }
}
