import Forecast
import HDF5
import Prequential
import RoutingTrace

/// The requests under way, oldest first: `requests`.
///
/// Their ages are only an order, so the file holds the order and not the ages.
enum RequestsComponent: Component {
  static let groups = ["requests"]

  static func write(_ learner: Learner, to file: borrowing ModelWriter) throws(H5Error) {
    let entries = learner.requests.remembered
    let (layers, topK) = (learner.shape.layers, learner.shape.topK)
    var group = try file.group("requests")
    let request = try group.createAxis(
      "request", entries.map(\.request), note: "number of a request under way, oldest first")
    let slot = try group.createAxis(
      "slot", (0..<topK).map { UInt16($0) }, note: "place in an event, as the source orders it")
    try group.create(
      "next_token", entries.map { UInt64($0.nextToken) }, axes: [request],
      note: "position of the request's next token")
    var ids: [UInt16] = []
    for layer in 0..<layers {
      for entry in entries { ids += entry.ids[layer * topK..<(layer + 1) * topK] }
    }
    try group.create(
      "ids", ids, axes: [file.layer, request, slot],
      note: "experts of the request's last token; 65535 for none")
    try group.finish()
  }

  static func read(
    into state: inout LearnerState, from file: borrowing ModelReader
  ) throws(H5Error) {
    let shape = file.header.shape
    var group = try file.group("requests")
    let requests = try group.column("request", as: UInt64.self, limit: file.header.liveRequests)
    let count = requests.count
    let slots = try group.column("slot", as: UInt16.self, limit: 64)
    let next: [UInt64] = try group.read("next_token", shape: [count])
    let ids: [UInt16] = try group.read("ids", shape: [shape.layers, count, shape.topK])
    try group.finish()
    guard slots.elementsEqual((0..<shape.topK).lazy.map { UInt16($0) }) else {
      throw H5Error(.mismatch, at: "/requests/slot", "does not count the slots from 0")
    }
    guard UInt64(count) <= file.header.tokens else {
      throw H5Error(
        .mismatch, at: "/requests", "lists \(count) requests after \(file.header.tokens) tokens")
    }
    guard Set(requests).count == count, next.allSatisfy({ (1...UInt64(UInt32.max)).contains($0) })
    else {
      throw H5Error(.mismatch, at: "/requests", "names a request twice or an impossible position")
    }
    // The same check that a chunk of these tokens would pass: the kernels trust the ids.
    do throws(BlockError) {
      _ = try TokenBlock(
        shape: shape,
        runs: [TokenRun(request: 0, stage: .decode, firstToken: 0, count: count)], ids: ids)
    } catch {
      throw H5Error(.mismatch, at: "/requests/ids", error.problem)
    }
    let entries = requests.indices.map { index in
      LiveRequests.Entry(
        request: requests[index], nextToken: Int(next[index]), age: UInt64(index + 1),
        ids: (0..<shape.layers).flatMap { layer in
          let at = (layer * count + index) * shape.topK
          return ids[at..<at + shape.topK]
        })
    }
    state.requests = LiveRequests(
      capacity: file.header.liveRequests, entries: entries, clock: file.header.tokens)
  }
}
