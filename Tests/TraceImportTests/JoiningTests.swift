import Archive
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// `--join`: files of one rank or layer each, as one stream of requests.
@Suite struct JoiningTests {
  /// An archive of two tokens in one layer, whose experts are `ids`.
  private func archive(_ ids: [UInt8], tokens: [Int32] = [5, 6]) throws -> [UInt8] {
    let routed = ids.withUnsafeBytes {
      NPYArray.file(.unsigned(bytes: 1), shape: [ids.count / 2, 1, 2], elements: $0)
    }
    let prompt = tokens.withUnsafeBytes {
      NPYArray.file(.signed(bytes: 4), shape: [tokens.count], elements: $0)
    }
    return try ZipWriter.archive([("routed_experts.npy", routed), ("prompt_token_ids.npy", prompt)])
  }

  private let options = ImportOptions(experts: 8, joins: true)

  @Test func inputsAreTheLayersInTheirOrder() throws {
    let folder = try TemporaryFolder()
    for rank in [0, 1] {
      for request in [1, 2] {
        let first = UInt8(rank * 4)
        try folder.write(
          try archive([first, first + 1, first + 2, first + 3]), to: "rank\(rank)/\(request).npz")
      }
    }
    let inputs = [folder.file("rank1"), folder.file("rank0")]
    let requests = try importAll(inputs, options: options)
    #expect(requests.count == 2)
    #expect(requests.map(\.ids) == Array(repeating: [4, 5, 0, 1, 6, 7, 2, 3], count: 2))
    #expect(requests.map(\.prefill) == [2, 2])
    // Without it, each is a request of its own.
    #expect(try importAll(inputs, options: ImportOptions(experts: 8)).count == 4)
  }

  @Test func filesOfTheOneFolderAreParts() throws {
    let folder = try TemporaryFolder()
    for layer in [2, 10] {
      try folder.write(try archive([1, 2, 3, UInt8(4 + layer / 10)]), to: "\(layer).npz")
    }
    #expect(
      try importAll([folder.path], options: options).map(\.ids) == [[1, 2, 1, 2, 3, 4, 3, 5]])
  }

  @Test func rowsMustCorrespond() throws {
    func problem(_ other: [[UInt8]]) throws -> ImportError? {
      let folder = try TemporaryFolder()
      for (request, content) in try [archive([0, 1, 2, 3]), archive([0, 1, 2, 3])].enumerated() {
        try folder.write(content, to: "a/\(request).npz")
      }
      for (request, content) in other.enumerated() {
        try folder.write(content, to: "b/\(request).npz")
      }
      return importFault {
        try importAll([folder.file("a"), folder.file("b")], options: options)
      }
    }
    let same = try archive([4, 5, 6, 7])
    #expect(try problem([same, same]) == nil)
    let tokens = try problem([same, archive([4, 5, 6, 7], tokens: [5, 7])])
    #expect(tokens?.problem == "the token's id is 7, but in 1.npz it is 6")
    #expect(tokens?.token == 1)
    #expect(tokens?.request == 1)
    #expect(tokens?.file.hasSuffix("b/1.npz") == true)
    #expect(
      try problem([same, archive([4, 5, 6, 7, 0, 1], tokens: [5, 6, 7])])?.problem
        == "it has 3 tokens there, but 1.npz has 2")
    #expect(try problem([same])?.problem == "it has 1 requests, but 1.npz has more")
    #expect(try problem([same, same, same])?.problem == "it has 2 requests, but 2.npz has more")
  }

  @Test func oneAloneIsNotJoined() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(try archive([0, 1, 2, 3]), to: "1.npz")
    let fault = importFault { try importAll([path], options: options) }
    #expect(fault?.problem == "there is nothing to join it with")
  }
}
