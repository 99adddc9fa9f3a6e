import Archive
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

@Suite struct RouteFolderFormatTests {
  /// A folder of three tokens, the prompt's two among them.
  private func folder(
    _ changes: [String: [UInt8]?] = [:], to folder: TemporaryFolder, named name: String = "r1"
  ) throws {
    let ids: [Int16] = [0, 1, 2, 3, 4, 5]
    let weights: [Float16] = [0.5, 0.25, 0.75, 0.125, 0.5, 0.5]
    let usual: [String: [UInt8]] = [
      "routes.npy": ids.withUnsafeBytes {
        NPYArray.file(.signed(bytes: 2), shape: [3, 1, 2], elements: $0)
      },
      "weights.npy": weights.withUnsafeBytes {
        NPYArray.file(.float(bytes: 2), shape: [3, 1, 2], elements: $0)
      },
      "phase.npy": phases([0, 0, 1]),
      "hidden.npy": weights.withUnsafeBytes {
        NPYArray.file(.float(bytes: 2), shape: [3, 2], elements: $0)
      },
      "meta.json": Array(#"{"n_prefill": 2, "experts": 8}"#.utf8),
    ]
    for (file, content) in usual {
      guard let content = changes[file] ?? content else { continue }
      try folder.write(content, to: "\(name)/\(file)")
    }
  }

  private func phases(_ phases: [UInt8]) -> [UInt8] {
    phases.withUnsafeBytes {
      NPYArray.file(.unsigned(bytes: 1), shape: [phases.count], elements: $0)
    }
  }

  private func fault(_ changes: [String: [UInt8]?], experts: Int = 8) throws -> ImportError? {
    let place = try TemporaryFolder()
    try folder(changes, to: place)
    return importFault { try importAll([place.path], options: ImportOptions(experts: experts)) }
  }

  @Test func aFolderIsARequest() throws {
    let place = try TemporaryFolder()
    for name in ["r1", "r2"] { try folder(to: place, named: name) }
    let requests = try importAll([place.path], options: ImportOptions(experts: 8))
    #expect(requests.map(\.name) == ["r1", "r2"])
    #expect(requests.map(\.prefill) == [2, 2])
    #expect(requests.map(\.ids) == Array(repeating: [0, 1, 2, 3, 4, 5], count: 2))
    #expect(requests[0].weights == [0.5, 0.25, 0.75, 0.125, 0.5, 0.5])
    let importer = try TraceImporter([place.path], options: ImportOptions(experts: 8))
    #expect(importer.format == .routeFolder)
  }

  /// In an archive, and compressed, a folder is what it is unpacked.
  @Test(arguments: [
    "tar cf ../a.tar r1", "gzip r1/routes.npy && xz r1/phase.npy && tar cJf ../a.tar r1",
  ])
  func archivesHoldFolders(packing: String) throws {
    let place = try TemporaryFolder()
    try folder(to: place, named: "in/r1")
    _ = try run("/bin/sh", "-c", "cd '\(place.file("in"))' && \(packing)")
    let requests = try importAll([place.file("a.tar")], options: ImportOptions(experts: 8))
    #expect(requests.map(\.prefill) == [2] && requests.map(\.name) == ["r1"])
    #expect(requests[0].weights == [0.5, 0.25, 0.75, 0.125, 0.5, 0.5])
  }

  /// `meta.json` tells the number of experts where nobody gives it.
  @Test func theFactsTellTheShape() throws {
    let place = try TemporaryFolder()
    try folder(to: place)
    let importer = try TraceImporter([place.path], options: ImportOptions())
    #expect(importer.proposal == .experts(8) && importer.shape.experts == 8)
  }

  @Test func whatIsMissingIsAskedFor() throws {
    let place = try TemporaryFolder()
    try folder(["weights.npy": nil, "phase.npy": nil, "meta.json": nil], to: place)
    let options = ImportOptions(experts: 8)
    #expect(importFault { try importAll([place.path], options: options) }?.kind == .missing)
    var given = options
    given.prefill = 1
    #expect(try importAll([place.path], options: given).map(\.prefill) == [1])
  }

  @Test func phasesAreThoseOfOneRequest() throws {
    #expect(try fault(["phase.npy": phases([0, 1, 0])])?.problem.contains("not those of") == true)
    #expect(try fault(["phase.npy": phases([0, 0, 2])])?.problem.contains("not those of") == true)
    #expect(try fault(["phase.npy": phases([0, 0])])?.problem.contains("shape [2]") == true)
    #expect(
      try fault(["phase.npy": phases([0, 1, 1])])?.problem
        == "n_prefill is 2, but phase.npy has a prompt of 1")
  }

  @Test func otherFilesMustFit() throws {
    #expect(
      try fault([:], experts: 16)?.problem == "it says 8 experts, but 16 are given")
    #expect(
      try fault(["weights.npy": phases([0])])?.problem
        == "its shape is [1], but that of the routes [3, 1, 2]")
    #expect(try fault(["routes.npy": nil])?.problem == "no routes.npy stands beside it")
  }
}
