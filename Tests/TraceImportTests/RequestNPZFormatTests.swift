import Archive
import FoundationEssentials
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// Written by numpy 1.26 for these tests: 5 tokens (3 prompt and 3 output ids, the last without a
/// row), 3 layers of which the first is dense, top-2 of 8. numpy's local zip headers hold
/// 0xFFFFFFFF and a zip64 field.
private func fixture(_ name: String) -> String {
  #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    .joined(separator: "/") + "/Fixtures/" + name
}

private let options = ImportOptions(experts: 8)

private let expected: [UInt16] = [
  6, 4, 1, 5, 0, 6, 5, 1, 7, 2, 5, 2, 4, 7, 6, 7, 3, 6, 5, 1,
]

@Suite struct RequestNPZFormatTests {
  @Test(arguments: ["stored.npz", "deflated.npz"])
  func readsArraysAndLabels(_ name: String) throws {
    var importer = try TraceImporter([fixture(name)], options: options)
    #expect(importer.format == .npz)
    // Layer 0 holds expert 0 twice in every event, which no router does: it is dense.
    #expect(importer.shape == (try TraceShape(modelLayers: [1, 2], experts: 8, topK: 2)))
    let request = try #require(try importer.next())
    #expect(request.name == "aime-1")
    #expect(request.task == "mäth")
    #expect(request.prefill == 3)
    #expect(request.ids == expected)
    #expect(request.weights?.prefix(4) == [0.51465, 0.4663, 0.917, 0.6294])
  }

  @Test(arguments: [
    ("object.npz", "it is an object array"), ("big-endian.npz", "it is big-endian"),
    ("fortran.npz", "it is in Fortran order"),
  ])
  func refusesArraysItCannotRead(_ name: String, problem: String) {
    let fault = importFault { try importAll([fixture(name)], options: options) }
    #expect(fault?.member == "routed_experts")
    #expect(fault?.problem.hasPrefix(problem) == true, "\(fault?.problem ?? "no error")")
  }

  @Test(arguments: ["stored.npz", "deflated.npz"])
  func cutAnywhereIsATypedError(_ name: String) throws {
    let bytes = Array(try Data(contentsOf: URL(filePath: fixture(name))))
    let (taken, untyped) = try cutEverywhere(
      bytes, named: name, format: .npz, options: options)
    #expect(taken == [bytes.count])
    #expect(untyped.isEmpty)
  }

  /// Any byte inverted: an error, or the same request where the byte means nothing.
  @Test(arguments: ["stored.npz", "deflated.npz"])
  func flippedBytesNeverPassUnseen(_ name: String) throws {
    let bytes = Array(try Data(contentsOf: URL(filePath: fixture(name))))
    let folder = try TemporaryFolder()
    let whole = try importAll([fixture(name)], options: options)
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 0xFF
      let path = try folder.write(damaged, to: "damaged.npz")
      do {
        let requests = try importAll([path], format: .npz, options: options)
        // Names of optional members are not covered by a checksum; the arrays are.
        #expect(requests.map(\.ids) == whole.map(\.ids), "byte \(index)")
      } catch {
        #expect(error is ImportError, "byte \(index)")
      }
    }
  }

  /// The directory's uncompressed size of the deflated `routed_experts`, made to lie.
  @Test(arguments: [0, 1, 1 << 16, 0xFFFF_FFFE])
  func lyingSizesAreRefused(_ size: Int) throws {
    var bytes = Array(try Data(contentsOf: URL(filePath: fixture("deflated.npz"))))
    let signature: [UInt8] = [0x50, 0x4B, 0x01, 0x02]
    let name = Array("routed_experts.npy".utf8)
    let entry = try #require(
      bytes.indices.first {
        bytes[$0...].starts(with: signature) && bytes[($0 + 46)...].starts(with: name)
      })
    for shift in 0..<4 {
      bytes[entry + 24 + shift] = UInt8(truncatingIfNeeded: size >> (8 * shift))
    }
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes, to: "lie.npz")
    let fault = importFault { try importAll([path], options: options) }
    #expect(fault?.member == "routed_experts")
    #expect(fault?.problem == "its size in the archive is not that of its content")
  }

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
  func equalsWhatNumPyReads() throws {
    let folder = SharedData.path + "/formats/npz/"
    // routed_experts.expected.npy has the dense layer 0; `RoutedArray` keeps it.
    let file = FileBytes(limit: 1 << 20)
    try file.read(folder + "routed_experts.expected.npy")
    let array = try RoutedArray(try NPYArray(MemberContent(file.bytes)), experts: 16)
    #expect([array.tokens, array.layers, array.topK] == [11, 6, 4])
    var routed: [UInt16] = []
    for token in 0..<array.tokens { routed += array.ids[(token * 24 + 4)..<(token * 24 + 24)] }
    for name in ["problem_id_0.npz", "problem_id_1.npz"] {
      let requests = try importAll([folder + name], options: ImportOptions(experts: 16))
      #expect(requests.map(\.ids) == [routed], "\(name)")
      #expect(requests.map(\.prefill) == [8])
    }
    for name in ["problem_id_2_objectarray.npz", "problem_id_3_none.npz"] {
      let fault = importFault {
        try importAll([folder + name], options: ImportOptions(experts: 16))
      }
      #expect(fault?.problem.contains("object array") == true, "\(name)")
    }
  }
}
