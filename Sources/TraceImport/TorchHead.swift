import Archive

/// The beginning of a file of `torch.save`, in which the pickle stands first.
struct TorchHead {
  private let pickle: [UInt8]

  /// Nil where it is no such file.
  init?(_ head: [UInt8]) {
    guard head.count > 30, head.starts(with: Array("PK\u{3}\u{4}".utf8)) else { return nil }
    let length = Int(head[26]) | Int(head[27]) << 8
    guard head.dropFirst(30).prefix(length).suffix(8).elementsEqual(TorchFile.pickleName.utf8)
    else { return nil }
    let behind = 30 + length + (Int(head[28]) | Int(head[29]) << 8)
    pickle = Array(head.dropFirst(behind))
  }

  /// Whether a text stands in the pickle, as the keys of dictionaries do.
  func holds(_ text: String) -> Bool {
    let size = UInt8(truncatingIfNeeded: text.utf8.count)
    let wanted = [0x58, size, 0, 0, 0] + Array(text.utf8)
    // A megabyte is looked through, where generic search takes longer than the import itself.
    return pickle.withUnsafeBytes { pickle in
      wanted.withUnsafeBytes { wanted in
        var at = 0
        while at + wanted.count <= pickle.count {
          if pickle[at] == 0x58, pickle[at &+ 1] == size,
            pickle[at..<at + wanted.count].elementsEqual(wanted)
          {
            return true
          }
          at &+= 1
        }
        return false
      }
    }
  }

  /// Whether it begins with a tuple of tensors.
  var isTupleOfTensors: Bool {
    // A tuple of many begins with a mark.
    let first = pickle.dropFirst(2)
    return pickle.starts(with: [0x80, 2])
      && first.drop { $0 == 0x28 }.starts(with: "ctorch._utils\n_rebuild_tensor_v2\n".utf8)
      && first.prefix(2) != [0x28, 0x28]
  }
}
