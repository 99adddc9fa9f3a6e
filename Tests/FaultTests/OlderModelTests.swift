import Prequential
import RoutingTrace
import TestSupport
import Testing

@testable import ModelFile

/// Models of version 2 of the schema, whose predictors' tables were columns without axes.
@Suite struct OlderModelTests {
  /// What version 3 writes, as version 2 wrote it.
  private func older(_ bytes: [UInt8]) throws -> [UInt8] {
    var tree = try ModelTree(bytes)
    for index in tree.groups.indices {
      let path = tree.groups[index].path
      if path.isEmpty {
        let version = try #require(
          tree.groups[index].items.firstIndex { $0.name == "encoding-version" })
        tree.groups[index].items[version].values = .text(["2"])
      }
      if path == ["requests"] { tree.groups[index].items.removeAll { $0.name == "free_place" } }
      guard path.first == "mixtures", path.count == 2 else { continue }
      tree.groups[index].items = try columns(tree.groups[index].items)
    }
    return try tree.bytes()
  }

  /// Tables without axes, those of the linear part in one.
  private func columns(_ items: [ModelTree.Item]) throws -> [ModelTree.Item] {
    let axes = [
      "lane", "part", "group", "task", "set", "slot", "context", "place", "stored", "word", "one",
      "candidate", "metric", "row_of_pairs", "row_of_joint-pairs",
    ]
    var columns: [ModelTree.Item] = []
    for item in items where !axes.contains(item.name) && !item.name.hasPrefix("linear") {
      var column = item
      column.shape = [item.values.count]
      columns.append(column)
    }
    for name in ["linear", "linear_visits"] {
      let parts = try ["", "_tasks", "_bias"].map { kind in
        try #require(items.first { $0.name == name + kind })
      }
      var column = parts[0]
      column.values = joined(parts.map(\.values), layers: try #require(parts[0].shape?.first))
      column.shape = [column.values.count]
      columns.append(column)
    }
    return columns
  }

  /// The rows of several tables, layer by layer.
  private func joined(_ parts: [ModelTree.Values], layers: Int) -> ModelTree.Values {
    func rows<Value>(_ parts: [[Value]]) -> [Value] {
      (0..<layers).flatMap { layer in
        parts.flatMap { part in
          part[layer * part.count / layers..<(layer + 1) * part.count / layers]
        }
      }
    }
    let floats = parts.compactMap { if case .float32(let values) = $0 { values } else { nil } }
    let counts = parts.compactMap { if case .uint32(let values) = $0 { values } else { nil } }
    return floats.isEmpty ? .uint32(rows(counts)) : .float32(rows(floats))
  }

  @Test func columnsWithoutAxesAreRead() throws {
    let shape = try TraceShape(model: "m", modelLayers: [0, 1, 4], experts: 12, topK: 3)
    var random = SplitMix64(seed: 4)
    let requests = (0..<5).map { _ in
      RequestTrace.random(shape: shape, prefill: 4, decode: 9, empty: 0.1, using: &random)
    }
    var learner = try Learner(
      shape: shape, predictors: ["frequency", "mixture-all", "mixture-fast:halving-64"])
    for chunk in try chunks(of: requests, shape: shape, chunkTokens: 30) {
      try learner.consume(chunk)
    }
    let folder = try TemporaryFolder()
    let path = folder.file("M.h5")
    try Checkpoint.write(learner, to: path)
    let bytes = try folder.bytes(of: "M.h5")
    let before = try older(bytes)
    let old = try folder.write(before + Seal.of(before), to: "old.h5")
    let read = try Checkpoint.read(old).learner
    // Learners are pages long; a test that fails need not print them.
    let isSame = read == learner
    #expect(isSame)
    // Written again it is what version 3 writes.
    try Checkpoint.write(read, to: folder.file("new.h5"))
    #expect(try folder.bytes(of: "new.h5") == bytes)
  }

  /// An axis that names or counts something else than the tables have is refused.
  @Test(arguments: ["part", "group", "context"])
  func axesMustBeThoseOfTheTables(name: String) throws {
    let shape = try TraceShape(model: "m", modelLayers: [0, 1, 4], experts: 8, topK: 2)
    let learner = try Learner(
      shape: shape, predictors: ["mixture-fast:with-repeats"])
    let folder = try TemporaryFolder()
    try Checkpoint.write(learner, to: folder.file("M.h5"))
    var tree = try ModelTree(folder.bytes(of: "M.h5"))
    let group = try #require(
      tree.groups.firstIndex { $0.path.count == 2 && $0.path[0] == "mixtures" })
    let item = try #require(tree.groups[group].items.firstIndex { $0.name == name })
    switch tree.groups[group].items[item].values {
    case .text(let names): tree.groups[group].items[item].values = .text(names.reversed())
    case .uint32(let places):
      tree.groups[group].items[item].values = .uint32(places.dropLast())
      tree.groups[group].items[item].shape = [places.count - 1]
    default: Issue.record("an axis of something else")
    }
    let bytes = try tree.bytes()
    let path = try folder.write(bytes + Seal.of(bytes), to: "M.h5")
    let error = #expect(throws: ModelError.self) { try Checkpoint.read(path) }
    #expect(error?.description.contains("/" + name) == true, "\(error?.description ?? "")")
  }
}
