import ArgumentParser
import LZ4Frame
import RoutingTrace
import TestSupport
import Testing

@testable import moecast

/// `import` of moecast traces.
@Suite struct RewriteTests {
  let folder: TemporaryFolder
  let original: [UInt8]
  let payloads: [[UInt8]]

  init() throws {
    folder = try TemporaryFolder()
    _ = try writeSampleTrace(to: "original.moe.lz4", in: folder)
    original = try folder.bytes(of: "original.moe.lz4")
    payloads = try FrameMaker.payloads(of: original)
  }

  private func rewrite(_ bytes: [UInt8], _ options: String...) throws -> [UInt8] {
    let input = try folder.write(bytes, to: "in.moe.lz4")
    try Import.parse([input, "-o", folder.file("out.moe.lz4"), "--json"] + options).run()
    return try folder.bytes(of: "out.moe.lz4")
  }

  private func header(_ bytes: [UInt8]) throws -> TraceHeader {
    try TraceReader(MemorySource(bytes), name: "memory").header
  }

  /// The two ways in which others write: python-lz4's frames, which have no checksum, and one frame
  /// by the lz4 tool. What is written is what it was, but for a word in the header.
  @Test func othersFramesBecomeTheUsual() throws {
    let python = FrameMaker(contentChecksum: false)
    let tool = FrameMaker(contentSize: false)
    for bytes in [
      payloads.flatMap { python.frame($0) }, tool.frame(payloads.flatMap(\.self)), original,
    ] {
      let written = try rewrite(bytes)
      #expect(try chunks(in: written).map(\.checksum) == chunks(in: original).map(\.checksum))
      #expect(try chunks(in: written).map(\.block) == chunks(in: original).map(\.block))
      let (old, new) = (try header(original), try header(written))
      #expect(new.shape == old.shape)
      #expect(
        new.provenance == old.provenance.merging(["rewritten": "chunk by chunk"]) { $1 })
      let facts = try TraceFacts(of: folder.file("out.moe.lz4"))
      #expect(facts.intact && facts.complete && facts.checksums && facts.framePerChunk)
      #expect(facts.requests == 12 && facts.tokens == 192 && facts.tasks == ["math": 6, "code": 6])
    }
  }

  /// Inspect tells what such a trace lacks, and fails only where it is asked to vouch for it.
  @Test func inspectTellsTheFrames() throws {
    let unchecked = try folder.write(
      payloads.flatMap { FrameMaker(contentChecksum: false).frame($0) }, to: "unchecked.moe.lz4")
    let recut = try folder.write(
      FrameMaker().frame(payloads.flatMap(\.self)), to: "recut.moe.lz4")
    for (file, checksums) in [(unchecked, false), (recut, true)] {
      let facts = try TraceFacts(of: file)
      #expect(facts.intact && facts.checksums == checksums && facts.framePerChunk != checksums)
      #expect(facts.plain.contains("`moecast import -o NEW.moe.lz4` writes the usual ones"))
      try moecastRun("inspect", file, "--json")
      #expect(throws: ExitCode(1)) { try moecastRun("inspect", file, "--verify", "--json") }
      try moecastRun("inspect", file, "--repair", folder.file("r.moe.lz4"), "--force", "--json")
      #expect(
        try chunks(in: folder.bytes(of: "r.moe.lz4")).map(\.block)
          == chunks(in: original).map(\.block))
    }
    // With an index, what is missing is the checksums alone.
    let index = FrameMaker.skippable(
      14, Array(original[original.count - 36 - 8 * (payloads.count - 1)..<original.count]))
    let whole = try folder.write(
      payloads.flatMap { FrameMaker(contentChecksum: false).frame($0) } + index,
      to: "indexed.moe.lz4")
    #expect(try TraceFacts(of: whole).complete)
    #expect(throws: ExitCode(1)) { try moecastRun("inspect", whole, "--verify", "--json") }
  }

  /// Those who learn take frames without checksums and refuse what was recompressed, with the
  /// remedy that `import` is.
  @Test func learnersTakeAFrameAChunk() throws {
    let unchecked = try folder.write(
      payloads.flatMap { FrameMaker(contentChecksum: false).frame($0) }, to: "unchecked.moe.lz4")
    let recut = try folder.write(
      FrameMaker().frame(payloads.flatMap(\.self)), to: "recut.moe.lz4")
    var models: [[UInt8]] = []
    for trace in [folder.file("original.moe.lz4"), unchecked] {
      let model = folder.file("m.h5")
      try moecastRun(
        "train", trace, "--model", model, "--predictors", "layer-markov", "--json", "--keep", "0")
      models.append(try folder.bytes(of: "m.h5"))
    }
    #expect(models[0] == models[1])
    let commands = [
      ["train", recut], ["analyze", recut], ["compare", recut],
      ["evaluate", "--model", folder.file("m.h5"), recut], ["simulate", "--batch", "8", recut],
      ["simulate", "demand", recut], ["simulate", "cache", recut],
    ]
    for command in commands {
      let error = #expect(throws: TraceError.self) {
        var command = try Moecast.parseAsRoot(command + ["--json"])
        try command.run()
      }
      #expect(error?.kind == .reframed)
      #expect(error?.remedy.contains("moecast import -o NEW.moe.lz4") == true)
    }
    // A model that has seen some of the trace goes on with the one that was written anew.
    try moecastRun(
      "train", folder.file("original.moe.lz4"), "--model", folder.file("r.h5"), "--predictors",
      "layer-markov", "--stop-after", "3", "--json")
    try moecastRun("import", recut, "-o", folder.file("new.moe.lz4"), "--json")
    try moecastRun(
      "train", folder.file("new.moe.lz4"), "--model", folder.file("r.h5"), "--resume", "--json")
    #expect(try folder.bytes(of: "r.h5") == models[0])
  }

  /// Tokens keep their order, requests and stages wherever chunks end.
  @Test(arguments: ["1", "7", "64", "4096"])
  func chunksAreCutAnew(tokens: String) throws {
    let written = try rewrite(original, "--chunk-tokens", tokens)
    let (old, new) = (try chunks(in: original), try chunks(in: written))
    #expect(new.allSatisfy { $0.block.tokens <= Int(tokens) ?? 0 })
    #expect(try tokenList(new) == tokenList(old))
    #expect(new.flatMap(\.block.labels) == old.flatMap(\.block.labels))
    #expect(try header(written).provenance["rewritten"] == "chunks of \(tokens) tokens")
    let facts = try TraceFacts(of: folder.file("out.moe.lz4"))
    #expect(facts.requests == 12 && facts.complete && facts.intact)
  }

  /// Every token: request, stage, position, ids, and whether the request ends with it.
  private func tokenList(_ chunks: [TraceChunk]) throws -> [String] {
    try chunks.map(\.block).flatMap { block in
      try (0..<block.tokens).map { token in
        let (run, position) = try #require(block.place(ofToken: token))
        let ids = (0..<block.shape.layers).map { Array(block.chosen(layer: $0, token: token)) }
        let ends = run.endsRequest && position == run.firstToken + run.count - 1
        return "\(run.request) \(run.stage) \(position) \(ids) \(ends)"
      }
    }
  }

  /// Weights that are not asked for are not looked at; others keep their bits.
  @Test func weightsMayBeLeftOut() throws {
    let shape = try TraceShape(modelLayers: [0], experts: 4, topK: 2)
    var chunk = WireChunk()
    chunk.runs = [WireChunk.Run(0, 0, 3, ends: true)]
    chunk.fill(shape)
    chunk.weights = [0.5, 0.25, .nan, 0, 1, 0]
    let bytes = try WireChunk.trace([chunk], shape: shape)
    #expect(throws: TraceError.self) { try rewrite(bytes) }
    let written = try chunks(in: rewrite(bytes, "--no-weights"))
    #expect(written.map(\.block.weights) == [nil])
    #expect(written.map(\.block.ids) == [[0, 1, 0, 1, 0, 1]])
    chunk.weights = [0.5, 0.25, 1, 0, 1, 0]
    let kept = try chunks(in: rewrite(WireChunk.trace([chunk], shape: shape)))
    #expect(kept.map(\.block.weights) == [chunk.weights])
    // Chunks with and without weights stay apart when they are cut anew.
    var other = WireChunk()
    other.runs = [WireChunk.Run(1, 0, 2, ends: true)]
    other.fill(shape)
    let mixed = try chunks(
      in: rewrite(WireChunk.trace([chunk, other], shape: shape), "--chunk-tokens", "100"))
    #expect(mixed.map { $0.block.weights?.count } == [6, nil])
  }

  /// A name that no reader takes is replaced, as the reader's own remedy says.
  @Test func aNameMayBeReplaced() throws {
    let shape = try TraceShape(model: "abc", modelLayers: [0], experts: 4, topK: 1)
    let good = try traceBytes(of: [RequestTrace(prefill: 1, ids: [1, 2])], shape: shape)
    var parts = try FrameMaker.payloads(of: good)
    let text = Array("\"abc\"".utf8)
    let at = try #require(parts[0].indices.first { parts[0][$0...].starts(with: text) })
    // "\u0000" in the place of "abc": three bytes more.
    parts[0].replaceSubrange(at..<at + text.count, with: Array(#""\u0000""#.utf8))
    parts[0][20] += 3
    let bytes = parts.flatMap { FrameMaker().frame($0) }
    let error = #expect(throws: TraceError.self) { try rewrite(bytes) }
    #expect(error?.problem.contains("with a NUL in it") == true)
    #expect(error?.remedy.contains("moecast import --model-name NAME") == true)
    let written = try rewrite(bytes, "--model", "new")
    #expect(try header(written).shape.model == "new")
    #expect(try chunks(in: written).map(\.block.ids) == chunks(in: good).map(\.block.ids))
  }

  /// After damage nothing is written; what was there stays.
  @Test func damageLeavesNothing() throws {
    let before = try rewrite(original)
    for maker in [FrameMaker(blockSize: 900), FrameMaker(linked: true, blockSize: 900)] {
      var bytes = maker.frame(payloads.flatMap(\.self))
      bytes[bytes.count - 1] ^= 1
      #expect(throws: TraceError.self) { try rewrite(bytes) }
      #expect(try folder.bytes(of: "out.moe.lz4") == before)
      // Nothing can be told to be whole, so there is nothing to keep.
      let input = try folder.write(bytes, to: "damaged.moe.lz4")
      let error = #expect(throws: TraceError.self) {
        try moecastRun("inspect", input, "--repair", folder.file("none.moe.lz4"), "--json")
      }
      #expect(error?.problem.contains("recompressed") == true)
      #expect(throws: (any Error).self) { try folder.bytes(of: "none.moe.lz4") }
    }
  }

  /// Several traces become one; what is none is another program's.
  @Test func inputsAreTracesOnly() throws {
    let trace = folder.file("original.moe.lz4")
    try moecastRun("import", trace, trace, "-o", folder.file("two.moe.lz4"), "--json")
    let facts = try TraceFacts(of: folder.file("two.moe.lz4"))
    #expect(facts.requests == 24 && facts.tokens == 384)
    #expect(facts.provenance["rewritten"] == "2 traces joined, chunk by chunk")
    let json = try folder.write(Array("[{}]".utf8), to: "1.json")
    let error = #expect(throws: (any Error).self) {
      try moecastRun("import", json, "-o", folder.file("x.moe.lz4"))
    }
    #expect(error.map { "\($0)" }?.contains("is JSON of none of the known layouts") == true)
    #expect(throws: (any Error).self) {
      try moecastRun("import", "--experts", "8", trace, "-o", folder.file("x.moe.lz4"))
    }
  }

  /// From a pipe to a pipe.
  @Test func standardInputIsRewritten() throws {
    let input = try folder.write(
      FrameMaker(contentSize: false).frame(payloads.flatMap(\.self)), to: "in.moe.lz4")
    let output = folder.file("piped.moe.lz4")
    try run(
      "bash", "-c", "cat \"$1\" | \"$0\" import - -o - > \"$2\"", BuiltProgram.path, input, output)
    #expect(
      try chunks(in: folder.bytes(of: "piped.moe.lz4")).map(\.block)
        == chunks(in: original).map(\.block))
  }
}
