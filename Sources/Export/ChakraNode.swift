/// A node of a Chakra execution trace (schema 0.0.4), as ASTRA-sim feeds on it.
struct ChakraNode {
  /// What is done.
  enum Kind {
    /// Bytes to, or from, another rank.
    case send(from: Int, to: Int, bytes: Int, tag: Int)
    case receive(from: Int, to: Int, bytes: Int, tag: Int)
    /// Operations on a tensor.
    case compute(operations: Int, tensorBytes: Int)
  }

  /// Unique in its rank's trace.
  var id: UInt64
  var name: String
  var kind: Kind
  /// Nodes of the same rank that come before it.
  var after: [UInt64] = []

  /// The first message of every trace.
  static var metadata: [UInt8] {
    var message = ProtobufMessage()
    message.add(1, "0.0.4")
    var bytes: [UInt8] = []
    bytes.append(delimited: message)
    return bytes
  }

  /// Appends the node to its trace.
  ///
  /// - Parameter node: room for the message, kept from node to node.
  func append(to trace: inout [UInt8], by node: inout ProtobufMessage) {
    node.removeAll()
    node.add(1, id)
    node.add(2, name)
    node.add(3, type)
    node.add(5, packed: after)
    Self.add("is_cpu_op", 27, 0, to: &node)
    switch kind {
    case .send(let from, let to, let bytes, let tag),
      .receive(let from, let to, let bytes, let tag):
      Self.add("comm_src", 7, from, to: &node)
      Self.add("comm_dst", 7, to, to: &node)
      Self.add("comm_size", 9, bytes, to: &node)
      Self.add("comm_tag", 7, tag, to: &node)
    case .compute(let operations, let tensorBytes):
      Self.add("num_ops", 9, operations, to: &node)
      Self.add("tensor_size", 13, tensorBytes, to: &node)
    }
    trace.append(delimited: node)
  }

  /// The schema's number of the kind.
  private var type: UInt64 {
    switch kind {
    case .compute: 4
    case .send: 5
    case .receive: 6
    }
  }

  /// Adds a named value; the field says of which type it is.
  private static func add(
    _ name: String, _ field: Int, _ value: Int, to node: inout ProtobufMessage
  ) {
    // Names are shorter than 128 bytes; fields above 15 take two.
    let count =
      2 + name.utf8.count + (field < 16 ? 1 : 2) + [UInt8].size(ofVarint: UInt64(value))
    node.add(10, count: count) { attribute in
      attribute.add(1, name)
      attribute.addAlways(field, UInt64(value))
    }
  }
}
