import Counting
import HDF5
import Prequential
import RoutingTrace

/// The requests under way, the one whose last token is longest ago first: `requests`.
enum RequestsComponent: Component {
  static let groups = ["requests"]

  /// Writes a column for each property of the requests, and their last tokens' ids.
  static func write(_ learner: Learner, to file: borrowing ModelWriter) throws(H5Error) {
    let entries = learner.requests.entries
    let (layers, topK) = (learner.shape.layers, learner.shape.topK)
    var group = try file.group("requests")
    let request = try group.createAxis(
      "request", entries.map(\.request), note: "number of a request under way, oldest first")
    let slot = try group.createAxis(
      "slot", (0..<topK).map { UInt16($0) }, note: "place in an event, as the source orders it")
    try group.create(
      "next_token", entries.map { UInt64($0.nextToken) }, axes: [request],
      note: "position of the request's next token")
    try group.create(
      "stage", entries.map { UInt16($0.stage.rawValue) }, axes: [request],
      note: "stage of its last token: 0 prefill, 1 decode")
    try group.create(
      "task", entries.map(\.task), axes: [request], note: "FNV-1a hash of its task's name, or 0")
    try group.create(
      "place", entries.map { UInt32($0.place) }, axes: [request],
      note: "where predictors keep its state")
    let free = learner.requests.free
    let freePlace = try group.createAxis(
      "free_place", free.indices.map { UInt32($0) }, note: "turn in which a place is given")
    try group.create(
      "free_places", free.map { UInt32($0) }, axes: [freePlace],
      note: "places without a request, the next to be given last")
    var ids: [UInt16] = []
    for layer in 0..<layers {
      for entry in entries { ids += entry.ids[layer * topK..<(layer + 1) * topK] }
    }
    try group.create(
      "ids", ids, axes: [file.layer, request, slot],
      note: "experts of the request's last token; 65535 for none")
    try group.finish()
  }

  /// Reads the same columns; ids must be such as a router of the shape can write.
  static func read(
    into state: inout LearnerState, from file: borrowing ModelReader
  ) throws(H5Error) {
    let shape = file.header.shape
    var group = try file.group("requests")
    let requests = try group.column("request", as: UInt64.self, limit: file.header.liveRequests)
    let count = requests.count
    let slots = try group.column("slot", as: UInt16.self, limit: 64)
    let next: [UInt64] = try group.read("next_token", shape: [count])
    let stages: [UInt16] = try group.read("stage", shape: [count])
    let tasks: [UInt64] = try group.read("task", shape: [count])
    let places: [UInt32] = try group.read("place", shape: [count])
    let freePlaces = file.header.version < 3 ? nil : try group.places("free_place")
    let free: [UInt32] = try group.column("free_places", limit: file.header.liveRequests)
    let ids: [UInt16] = try group.read("ids", shape: [shape.layers, count, shape.topK])
    try group.finish()
    guard freePlaces ?? free.count == free.count else {
      throw H5Error(.mismatch, at: "/requests/free_place", "is not the axis of free_places")
    }
    guard slots.elementsEqual((0..<shape.topK).lazy.map { UInt16($0) }) else {
      throw H5Error(.mismatch, at: "/requests/slot", "does not count the slots from 0")
    }
    guard next.allSatisfy({ (1...UInt64(UInt32.max)).contains($0) }) else {
      throw H5Error(.mismatch, at: "/requests/next_token", "names an impossible position")
    }
    guard stages.allSatisfy({ Stage(rawValue: UInt8(clamping: $0)) != nil }) else {
      throw H5Error(.mismatch, at: "/requests/stage", "names a stage that there is not")
    }
    guard UInt64(count + free.count) <= file.header.tokens else {
      throw H5Error(
        .mismatch, at: "/requests",
        "has \(count + free.count) places after \(file.header.tokens) tokens")
    }
    // The ids pass the same check as a chunk of these tokens would, since the kernels trust them.
    do throws(BlockError) {
      _ = try TokenBlock(
        shape: shape,
        runs: [TokenRun(request: 0, stage: .decode, firstToken: 0, count: count)], ids: ids)
    } catch {
      throw H5Error(.mismatch, at: "/requests/ids", error.problem)
    }
    let entries = requests.indices.map { index in
      RequestBook.Entry(
        request: requests[index], place: Int(places[index]), nextToken: Int(next[index]),
        stage: Stage(rawValue: UInt8(clamping: stages[index])) ?? .decode, task: tasks[index],
        ids: (0..<shape.layers).flatMap { layer in
          let at = (layer * count + index) * shape.topK
          return ids[at..<at + shape.topK]
        })
    }
    guard
      let book = RequestBook(
        capacity: file.header.liveRequests, entries: entries, free: free.map { Int($0) })
    else {
      throw H5Error(
        .mismatch, at: "/requests", "names a request or a place twice, or leaves a place out")
    }
    state.requests = book
  }
}
