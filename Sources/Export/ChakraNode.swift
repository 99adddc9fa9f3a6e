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
    return message.delimited
  }

  /// The node as a message of its trace.
  var message: [UInt8] {
    var node = ProtobufMessage()
    node.add(1, id)
    node.add(2, name)
    node.add(3, type)
    node.add(5, packed: after)
    node.add(10, Self.attribute("is_cpu_op", 27, 0))
    switch kind {
    case .send(let from, let to, let bytes, let tag),
      .receive(let from, let to, let bytes, let tag):
      node.add(10, Self.attribute("comm_src", 7, from))
      node.add(10, Self.attribute("comm_dst", 7, to))
      node.add(10, Self.attribute("comm_size", 9, bytes))
      node.add(10, Self.attribute("comm_tag", 7, tag))
    case .compute(let operations, let tensorBytes):
      node.add(10, Self.attribute("num_ops", 9, operations))
      node.add(10, Self.attribute("tensor_size", 13, tensorBytes))
    }
    return node.delimited
  }

  /// The schema's number of the kind.
  private var type: UInt64 {
    switch kind {
    case .compute: 4
    case .send: 5
    case .receive: 6
    }
  }

  /// A named value; the field says of which type it is.
  private static func attribute(_ name: String, _ field: Int, _ value: Int) -> ProtobufMessage {
    var attribute = ProtobufMessage()
    attribute.add(1, name)
    attribute.addAlways(field, UInt64(value))
    return attribute
  }
}
