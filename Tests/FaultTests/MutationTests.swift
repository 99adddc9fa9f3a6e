import Foundation
import LZ4Frame
import RoutingTrace
import TestSupport
import Testing

@testable import ModelFile

/// Models edited by somebody who makes all digests anew: a typed error, or everything goes on.
@Suite struct MutationTests {
  /// A model that is edited, and what is done with it afterwards.
  struct Base {
    let name: String
    let tree: ModelTree
    /// The traces that go on where the model stopped, and where to stop then.
    let traces: [String]
    let stopAfter: Int
    /// A model of the same shape and predictors, learnt from another trace.
    let other: String
    let tries: (full: Int, part: Int)
  }

  @Test func mutants() throws {
    let folder = try TemporaryFolder()
    let tally = Tally(
      "models edited, digests made anew, with a seal or none, 2 GB of address space")
    var (refused, accepted) = (0, 0)
    for (number, base) in try bases(in: folder).enumerated() {
      var mutator = ModelMutator(seed: 100 + UInt64(number))
      for index in 0..<(Program.isFull ? base.tries.full : base.tries.part) {
        var tree = base.tree
        let edit = "\(base.name), mutant \(index): " + mutator.mutate(&tree)
        // What HDF5 itself will not hold is no mutant.
        guard var bytes = try? tree.bytes() else { continue }
        if mutator.pick(2) == 0 { bytes += Seal.of(bytes) }
        let mutant = try folder.write(bytes, to: "mutant.h5")
        let outcome = try use(mutant, base, in: folder)
        switch outcome {
        case .refused: refused += 1
        case .works: accepted += 1
        case .fails: break
        }
        var fault = ""
        if case .fails(let how) = outcome { fault = how }
        tally.add(lost: false, silent: !fault.isEmpty, "\(edit): \(fault)")
      }
    }
    #expect(refused > 0 && accepted > 0)
    tally.tell("\(refused) refused with a typed error, \(accepted) usable for everything")
  }

  /// Numbers at the edge of their type, which once passed `inspect --verify` and ended `--resume`
  /// by a trap, and totals of one place that no other place has.
  @Test func numbersAtTheEdge() throws {
    let folder = try TemporaryFolder()
    let base = try bases(in: folder)[0]
    let tally = Tally("single numbers of a model set to the edge of their type, digests made anew")
    for (group, name) in [
      ([], "requests"), ([], "chunks"), ([], "tokens"), ([], "events"), (["history"], "chunks"),
      (["history"], "tokens"), (["history"], "events"), (["metrics", "frequency"], "events"),
      (["metrics", "frequency"], "ranks"), (["metrics", "frequency"], "log_loss"),
      (["history", "frequency"], "chosen"), (["history", "frequency"], "log_loss"),
    ] {
      // A log loss of 2^32 steps, 256 bits, is one that a layer can have.
      for edge in [UInt64.max, 1 << 63] + (name == "log_loss" ? [] : [1 << 32]) {
        var tree = base.tree
        let place = try #require(tree.groups.firstIndex { $0.path == group })
        let item = try #require(tree.groups[place].items.firstIndex { $0.name == name })
        guard case .uint64(var values) = tree.groups[place].items[item].values, !values.isEmpty
        else { throw CommandError("\(group)/\(name) holds no 64-bit numbers") }
        values[values.count - 1] = edge
        tree.groups[place].items[item].values = .uint64(values)
        let bytes = try tree.bytes()
        let mutant = try folder.write(bytes + Seal.of(bytes), to: "mutant.h5")
        var isRefused = false
        if case .refused = try use(mutant, base, in: folder) { isRefused = true }
        tally.add(lost: false, silent: !isRefused, "\(group)/\(name) = \(edge)")
      }
    }
    tally.tell("each a typed error")
  }

  /// A past that tells of more than the model's totals, of nothing, or of other chunks than it
  /// lists: refused whenever the file is read.
  @Test func aPastThatDoesNotAddUp() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("merged.h5")
    let shards = try ["train", "test"].map { name in
      let shard = folder.file(name + ".h5")
      let trained = try Program.run(
        "train", "\(Program.models)/tiny-moe-\(name).moe.lz4", "--quiet", "--model", shard,
        "--predictors", "frequency,mixture-fast")
      #expect(trained.status == 0)
      return shard
    }
    try #require(try Program.run(["merge"] + shards + ["-o", path]).status == 0)
    let tree = try ModelTree(folder.bytes(of: "merged.h5"))
    let tally = Tally("a number of a merged model's past changed, digests made anew")
    let place = try #require(tree.groups.firstIndex { $0.path == ["past"] })
    for (name, value) in [
      ("tokens", 0), ("tokens", 10_025), ("tokens", .max), ("chunks", 0), ("chunks", 20),
      ("chunks", 22), ("chunks", .max), ("requests", 57), ("requests", .max), ("streams", 0),
      ("streams", 10_025), ("streams", .max),
    ] as [(String, UInt64)] {
      var tree = tree
      let item = try #require(tree.groups[place].items.firstIndex { $0.name == name })
      tree.groups[place].items[item].values = .uint64([value])
      let bytes = try tree.bytes()
      let mutant = try folder.write(bytes + Seal.of(bytes), to: "mutant.h5")
      for command in [["inspect", mutant], ["merge", mutant, "-o", folder.file("again.h5")]] {
        let ending = try Program.run(command)
        let isTold = (ending.output + ending.complaint).contains("/past")
        tally.add(
          lost: false, silent: ending.isKilled || ending.status != 1 || !isTold,
          "\(name) = \(value): \(command[0]): \(ending)")
      }
    }
    tally.tell("each a typed error")
  }

  private enum Outcome {
    case refused
    case works
    case fails(String)
  }

  /// Verifies, trains on, evaluates, merges, exports and samples.
  private func use(_ mutant: String, _ base: Base, in folder: TemporaryFolder) throws -> Outcome {
    let trained = folder.file("trained.h5")
    try? FileManager.default.removeItem(atPath: trained)
    try FileManager.default.copyItem(atPath: mutant, toPath: trained)
    let commands = [
      ["inspect", "--verify", mutant],
      ["train"] + base.traces
        + ["--model", trained, "--resume", "--stop-after", "\(base.stopAfter)", "--keep", "0"],
      ["evaluate", "--model", mutant, base.traces[0]],
      ["evaluate", "--model", mutant, "--frozen", "--json", base.traces[0]],
      ["merge", mutant, base.other, "-o", folder.file("merged.h5")],
      ["export", "--model", mutant, "--to", "json", "-o", folder.file("out.json")],
      ["sample", "--model", mutant, "--requests", "2", "--tokens", "6", "--prefill", "2"]
        + ["-o", folder.file("out.moe.lz4")],
      ["inspect", "--verify", trained], ["inspect", "--verify", folder.file("merged.h5")],
    ]
    for name in ["merged.h5", "out.json", "out.moe.lz4"] {
      try? FileManager.default.removeItem(atPath: folder.file(name))
    }
    var isRefused = false
    for (index, command) in commands.enumerated() {
      let ending = try Program.Run(command, script: Program.limit(to: 2_000_000)).ending()
      let isError = ending.status == 1 && !ending.isKilled
      guard isError || ending.status == 0 else {
        return .fails("\(command[0]) ended with \(ending.status): \(ending.complaint.prefix(400))")
      }
      // What verifies may still not fit the trace or the other model; what is refused is so by all.
      if index == 0 { isRefused = isError }
      if isRefused, !isError, index < 7 {
        return .fails("\(command[0]) took what inspect --verify refused")
      }
      if isRefused, index == 1 { return .refused }
      if index >= 7, isError, FileManager.default.fileExists(atPath: command[2]) {
        return .fails("\(command[2]) cannot be read: \(ending.output)")
      }
    }
    return .works
  }
}

extension MutationTests {
  /// The model that ships with the project, and small ones with every part of a mixture, stopped
  /// while requests are under way.
  private func bases(in folder: TemporaryFolder) throws -> [Base] {
    let models = URL(filePath: Program.trace).deletingLastPathComponent().path() + "/"
    let shipped = models + "tiny-moe.h5"
    let rest = models + "tiny-moe-test.moe.lz4"
    let test = folder.file("shipped.h5")
    try train([rest], to: test, predictors: "", stopAfter: 2)
    let (one, two) = (try trace(1, in: folder), try trace(2, in: folder))
    var bases = [
      Base(
        name: "tiny-moe.h5",
        tree: try ModelTree(Array(try Data(contentsOf: URL(filePath: shipped)))),
        traces: [Program.trace, rest], stopAfter: 15, other: test, tries: (300, 2))
    ]
    let all = "frequency,layer-markov,layer-product,token-markov,mixture,mixture-fast:halving-64,"
    let parts = "mixture:with-pairs:with-joint-pairs:with-request:with-skip2:with-token:tasks"
    for (predictors, tries) in [(all + parts, (1600, 25)), ("mixture-all", (100, 2))] {
      let (model, other) = (folder.file("base.h5"), folder.file("\(bases.count).h5"))
      try train([one], to: model, predictors: predictors, stopAfter: 5)
      try train([two], to: other, predictors: predictors, stopAfter: 5)
      bases.append(
        Base(
          name: predictors, tree: try ModelTree(try folder.bytes(of: "base.h5")), traces: [one],
          stopAfter: 7, other: other, tries: tries))
    }
    return bases
  }

  private func train(
    _ traces: [String], to model: String, predictors: String, stopAfter: Int
  ) throws {
    try? FileManager.default.removeItem(atPath: model)
    let ending = try Program.Run(
      ["train"] + traces + ["--model", model, "--stop-after", "\(stopAfter)"]
        + (predictors.isEmpty ? [] : ["--predictors", predictors])
    ).ending()
    guard ending.status == 0 else { throw CommandError(ending.complaint) }
  }

  /// A small trace of three requests that interleave and span its chunks, some of them with tasks.
  private func trace(_ seed: UInt64, in folder: TemporaryFolder) throws -> String {
    let shape = try TraceShape(model: "small", modelLayers: [0, 1, 3], experts: 12, topK: 3)
    var random = SplitMix64(seed: seed)
    var writer = try TraceWriter(MemorySink(), header: TraceHeader(shape: shape), chunkTokens: 32)
    let requests = (0..<3).map { _ in
      RequestTrace.random(shape: shape, prefill: 100, decode: 0, empty: 0.1, using: &random)
    }
    for step in 0..<20 {
      for (number, request) in requests.enumerated() {
        let perToken = shape.idsPerToken
        try writer.append(
          TokenRun(
            request: UInt64(number), stage: step < 4 ? .prefill : .decode, firstToken: 5 * step,
            count: 5, endsRequest: step == 19),
          label: step == 0 ? RequestLabel(request: UInt64(number), task: "task \(number)") : nil,
          ids: request.ids[5 * step * perToken..<5 * (step + 1) * perToken])
      }
    }
    try writer.finish()
    return try folder.write(writer.sink.bytes, to: "\(seed).moe.lz4")
  }
}
