import Demand
import FoundationEssentials
import Placement
import RoutingTrace
import TestSupport
import Testing
import Wafer

@testable import Export

@Suite struct ChakraTraceTests {
  /// The messages of a stream, each with its length before it.
  private func messages(_ bytes: [UInt8]) -> [[UInt8]] {
    var messages: [[UInt8]] = []
    var at = 0
    while at < bytes.count {
      let length = number(bytes, &at)
      messages.append(Array(bytes[at..<at + length]))
      at += length
    }
    return messages
  }

  /// Seven bits a byte.
  private func number(_ bytes: [UInt8], _ at: inout Int) -> Int {
    var (value, shift) = (0, 0)
    while true {
      defer { at += 1 }
      value |= Int(bytes[at] & 0x7F) << shift
      if bytes[at] < 0x80 { return value }
      shift += 7
    }
  }

  /// A message's fields: numbers as they are, others as bytes.
  private func fields(_ bytes: [UInt8]) -> [(field: Int, number: Int, bytes: [UInt8])] {
    var fields: [(Int, Int, [UInt8])] = []
    var at = 0
    while at < bytes.count {
      let tag = number(bytes, &at)
      let value = number(bytes, &at)
      if tag & 7 == 0 {
        fields.append((tag >> 3, value, []))
      } else {
        fields.append((tag >> 3, 0, Array(bytes[at..<at + value])))
        at += value
      }
    }
    return fields
  }

  /// A node as other programs see it.
  private struct Seen: Hashable {
    var id = 0
    var name = ""
    var type = 0
    var after: [Int] = []
    var attributes: [String: Int] = [:]
  }

  private func nodes(_ bytes: [UInt8]) -> [Seen] {
    messages(bytes).dropFirst().map { message in
      fields(message).reduce(into: Seen()) { node, field in
        switch field.field {
        case 1: node.id = field.number
        case 2: node.name = String(decoding: field.bytes, as: UTF8.self)
        case 3: node.type = field.number
        case 5:
          var at = 0
          while at < field.bytes.count { node.after.append(number(field.bytes, &at)) }
        case 10:
          let parts = fields(field.bytes)
          node.attributes[String(decoding: parts[0].bytes, as: UTF8.self)] = parts[1].number
        default: break
        }
      }
    }
  }

  /// Nodes of the sample, which Chakra's own code wrote, have the same bytes.
  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
  func nodesAreTheSamples() throws {
    let file = URL(filePath: SharedData.path + "/formats/chakra/moe.0.et")
    let sample = Array(try Data(contentsOf: file))
    var bytes = ChakraNode.metadata
    #expect(messages(bytes) == Array(messages(sample).prefix(1)))
    let sizes = [(1, 3000, 2000), (2, 1000, 800), (3, 500, 10)]
    bytes = []
    var room = ProtobufMessage()
    for (peer, sent, received) in sizes {
      let id = UInt64(2 * peer - 1)
      ChakraNode(
        id: id, name: "disp_0_\(peer)",
        kind: .send(from: 0, to: peer, bytes: sent, tag: peer), after: [0]
      ).append(to: &bytes, by: &room)
      ChakraNode(
        id: id + 1, name: "disp_\(peer)_0",
        kind: .receive(from: peer, to: 0, bytes: received, tag: 4 * peer), after: [0]
      ).append(to: &bytes, by: &room)
    }
    #expect(messages(bytes) == Array(messages(sample)[2...7]))
  }

  /// The sizes on the wire are those of a count by the definition, both ends of every message agree,
  /// and nothing waits for what comes later.
  @Test(arguments: [false, true])
  func messagesAreTheAllToAll(_ isPlaced: Bool) throws {
    let (requests, blocks) = try sampleBlocks()
    var settings = ExportSettings()
    (settings.devices, settings.batch, settings.tokenBytes) = (3, 4, 10)
    var homes: [Set<Int>] = (0..<12).map { [$0 / 4] }
    if isPlaced {
      let map = [0, 1, 2, 3, 4, 4, 5, 6, 7, 0, 8, 9, 10, 11, 4]
      settings.placement = try PlacementFile(
        bytes: Array("{\"physical_to_logical_map\": \([map, map, map])}".utf8), from: "p.json")
      homes = (0..<12).map { expert in
        Set(map.indices.filter { map[$0] == expert }.map { $0 / 5 })
      }
    }
    let output = try exported(blocks, by: ChakraTrace.self, settings)
    #expect(output.closed == ["moe.0.et", "moe.1.et", "moe.2.et"])
    let ranks = (0..<3).map { nodes(output.files["moe.\($0).et"] ?? []) }
    for (rank, nodes) in ranks.enumerated() {
      #expect(nodes.map(\.id) == Array(0..<nodes.count))
      for node in nodes {
        #expect(node.after.allSatisfy { $0 < node.id })
        #expect(node.attributes[node.type == 5 ? "comm_src" : "comm_dst"] == rank)
      }
    }
    let sent = ranks.flatMap { $0.filter { $0.type == 5 }.map(\.attributes) }
    let received = ranks.flatMap { $0.filter { $0.type == 6 }.map(\.attributes) }
    #expect(sent.count == Set(sent).count && Set(sent) == Set(received))
    // Tokens of a step that need a device which is not theirs, by the definition.
    var expected: [[Int]: Int] = [:]
    var queue = requests.map { $0.ids }[...]
    var slots: [[UInt16]] = Array(repeating: [], count: 4)
    var step = 0
    while true {
      for slot in slots.indices where slots[slot].isEmpty { slots[slot] = queue.popFirst() ?? [] }
      guard slots.contains(where: { !$0.isEmpty }) else { break }
      // A slot that is empty for good leaves the others where they are.
      for (slot, ids) in slots.enumerated() where !ids.isEmpty {
        let own = slot * 3 / 4
        for (layer, number) in [1, 2, 5].enumerated() {
          let chosen = ids[3 * layer..<3 * layer + 3].filter { $0 != TokenBlock.emptySlot }
          let reached = Set(
            chosen.map { expert in
              let held = homes[Int(expert)].sorted()
              return held.contains(own) ? own : held[slot % held.count]
            })
          for device in reached where device != own {
            expected[[step, number, own, device], default: 0] += 10
          }
        }
      }
      for slot in slots.indices { slots[slot].removeFirst(min(9, slots[slot].count)) }
      step += 1
    }
    var found: [[Int]: Int] = [:]
    for node in ranks.flatMap(\.self) where node.type == 5 {
      let parts = node.name.split(separator: "_")
      let numbers = parts.dropFirst().compactMap { Int($0) }
      let isDispatch = parts[0] == "dispatch"
      let key = [numbers[0], numbers[1], numbers[isDispatch ? 2 : 3], numbers[isDispatch ? 3 : 2]]
      if isDispatch {
        found[key] = node.attributes["comm_size"]
      } else {
        #expect(expected[key] == node.attributes["comm_size"], "what was sent comes back")
      }
    }
    #expect(found == expected && found.count > 50)
  }

  /// Where the model's dimensions are known, what is sent waits for what is computed.
  @Test func aKnownModelComputes() throws {
    let shape = try #require(ModelShape.named("mixtral-8x7b")).traceShape()
    let ids = (0..<64).flatMap { [UInt16($0 % 4), UInt16(4 + $0 % 3)] }
    let run = TokenRun(request: 0, stage: .decode, firstToken: 0, count: 2, endsRequest: true)
    let block = try TokenBlock(shape: shape, runs: [run], ids: ids)
    var settings = ExportSettings()
    settings.devices = 2
    let output = try exported([block], by: ChakraTrace.self, settings)
    let first = messages(output.files["moe.0.et"] ?? [])[1]
    #expect(fields(first)[0].field == 2, "proto3 leaves the number 0 out")
    let second = nodes(output.files["moe.1.et"] ?? [])
    #expect(second.count == 2 * 32 * 3, "a receive, a computation and a send a layer and token")
    #expect(second.prefix(4).map(\.type) == [6, 4, 5, 6])
    #expect(second.prefix(4).map(\.after) == [[], [0], [1], [2]])
    #expect(second[1].attributes["num_ops"] == 2 * 3 * 4096 * 14336)
    #expect(second[0].attributes["comm_size"] == 2 * 4096)
  }

  @Test func whatIsNotToldIsAskedFor() throws {
    let blocks = try sampleBlocks().blocks
    var settings = ExportSettings()
    #expect(throws: ExportError.self) { try exported(blocks, by: ChakraTrace.self, settings) }
    settings.devices = 2
    #expect(throws: ExportError.self) { try exported(blocks, by: ChakraTrace.self, settings) }
    settings.tokenBytes = 1
    settings.placement = try PlacementFile(
      bytes: Array("{\"physical_to_logical_map\": [[0, 1, 2]]}".utf8), from: "p.json")
    #expect(throws: PlacementError.self) { try exported(blocks, by: ChakraTrace.self, settings) }
  }
}
