import ArgumentParser
import LoadProfile
import RoutingTrace
import TestSupport
import Testing

@testable import moecast

/// Counts go in by `import`, and are told by `inspect` and `analyze`; nothing learns from them.
@Suite struct LoadProfileCommandTests {
  private let counts = Array("step,layer,expert,count\n1,2,0,6\n1,2,1,2\n2,2,3,4\n".utf8)

  private func profile(in folder: TemporaryFolder, _ options: String...) throws -> String {
    let input = try folder.write(counts, to: "counts.csv")
    let output = folder.file("p.h5")
    try moecastRun(["import", "-o", output, input] + options)
    return output
  }

  @Test func countsBecomeAProfileWithoutExpertsOrAShape() throws {
    let folder = try TemporaryFolder()
    let profile = try LoadProfile(
      path: try profile(in: folder, "--model", "mine", "--experts", "4", "--top-k", "2"))
    #expect(profile.layers == [2])
    #expect(profile.counts == [6, 2, 0, 0, 0, 0, 0, 4])
    #expect(profile.topK == 2)
    #expect(profile.model == "mine")
    #expect(profile.provenance == ["format": "counts-csv", "source": "counts.csv"])
    // The same input gives the same bytes, and a profile may be replaced.
    let bytes = try folder.bytes(of: "p.h5")
    _ = try self.profile(in: folder, "--model", "mine", "--experts", "4", "--top-k", "2", "--json")
    #expect(try folder.bytes(of: "p.h5") == bytes)
  }

  @Test func anotherFileIsNotReplaced() throws {
    let folder = try TemporaryFolder()
    try folder.write([1, 2, 3], to: "p.h5")
    #expect(throws: (any Error).self) { try profile(in: folder) }
    #expect(try folder.bytes(of: "p.h5") == [1, 2, 3])
    #expect(try LoadProfile(path: try profile(in: folder, "--force")).choices == 12)
  }

  /// What would mean nothing is refused, and a trace cannot be made of counts.
  @Test(arguments: [
    (["--no-weights"], "--no-weights is for traces"), (["--chunk-tokens", "8"], "--chunk-tokens"),
    (["-o", "t.moe.lz4"], "holds counts only, and no routes for a trace"),
  ])
  func whatIsForTracesIsRefused(_ options: [String], _ message: String) throws {
    let folder = try TemporaryFolder()
    let input = try folder.write(counts, to: "counts.csv")
    let output = options.first == "-o" ? [] : ["-o", folder.file("p.h5")]
    let options = options.map { $0.hasSuffix(".lz4") ? folder.file($0) : $0 }
    let error = #expect(throws: ValidationError.self) {
      try moecastRun(["import", input] + output + options)
    }
    #expect(error?.message.contains(message) == true)
  }

  @Test func theFiguresAreThoseOfTheProfile() throws {
    let folder = try TemporaryFolder()
    let path = try profile(in: folder)
    let report = LoadReport(try LoadProfile(path: path))
    #expect(report.choices == 12)
    #expect(report.meanMostUsedOverMean == 2)
    #expect(
      report.text.plain == """
        load profile: 1 MoE layer of 4 experts, 12 choices in 2 windows (step)

        \(report.layers.text())
        """)
    #expect(report.layers.csv.contains("most_used_over_mean_in_windows"))
    let facts = LoadProfileFacts(try LoadProfile(path: path))
    #expect(
      facts.description.hasPrefix(
        "load profile: 1 MoE layer of 4 experts; 12 choices in 2 windows (step); from format "))
    for command in [["analyze"], ["analyze", "--json"], ["inspect"], ["inspect", "--json"]] {
      try moecastRun(command + [path])
    }
    let options = [["--per-layer"], [path]]
    for option in options {
      #expect(throws: ValidationError.self) { try moecastRun(["analyze", path] + option) }
    }
  }

  @Test func predictorsLearnNothingFromIt() throws {
    let folder = try TemporaryFolder()
    let path = try profile(in: folder)
    let error = #expect(throws: TraceError.self) {
      try moecastRun("train", path, "--model", folder.file("m.h5"), "--quiet")
    }
    #expect(
      error?.problem
        == "it is an HDF5 file, as models and load profiles are, and no trace: neither "
        + "tells which experts each token took")
    #expect(throws: (any Error).self) {
      try moecastRun("evaluate", "--model", path, path, "--quiet")
    }
  }

  @Test func filesOfLayersAreJoined() throws {
    let folder = try TemporaryFolder()
    for layer in [1, 2] {
      try folder.write(
        Array(#"[{"\#(layer)": [[\#(layer)], [3]]}, {"\#(layer)": [[5]]}]"#.utf8),
        to: "parts/\(layer).json")
    }
    let output = folder.file("o.moe.lz4")
    try moecastRun(
      "import", "--join", "--experts", "8", "--keep-constant", "-o", output, folder.file("parts"))
    var stream = try TraceStream([output])
    #expect(stream.shape.modelLayers == [1, 2])
    #expect(try stream.next()?.block.ids == [1, 3, 5, 2, 3, 5])
  }
}
