import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// Recordings that show only as a whole that nothing was recorded.
@Suite struct RecordingCheckTests {
  /// `[tokens, layers, 2]` of 8 experts: each event of layer `l` at token `t` holds `event(t, l)`.
  private static func bytes(
    tokens: Int, layers: Int, _ event: (Int, Int) -> [Int32]
  ) -> [UInt8] {
    var ids: [Int32] = []
    for token in 0..<tokens { for layer in 0..<layers { ids += event(token, layer) } }
    return npy32([tokens, layers, 2], ids)
  }

  private static func varying(_ token: Int, _ layer: Int) -> [Int32] {
    [Int32((token + layer) % 8), Int32((token + layer + 3) % 8)]
  }

  private static func load(
    _ bytes: [UInt8], keepsConstant: Bool = false, dropsWarmUp: Bool = false
  ) throws -> (requests: [RequestTrace], omissions: ImportOmissions) {
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes, to: "a.npy")
    var importer = try TraceImporter(
      [path],
      options: ImportOptions(
        experts: 8, prefill: 40, keepsConstant: keepsConstant, dropsWarmUp: dropsWarmUp))
    var requests: [RequestTrace] = []
    while let request = try importer.next() { requests.append(request) }
    return (requests, importer.omissions)
  }

  /// The same experts in any order are no change; 31 events are too few to tell.
  @Test(arguments: [40, 32, 31])
  func aLayerThatNeverChangesIsRefused(tokens: Int) throws {
    let constant = Self.bytes(tokens: 40, layers: 3) { token, layer in
      guard layer == 1 else { return Self.varying(token, layer) }
      guard token < tokens else { return [-1, -1] }
      return token % 2 == 0 ? [5, 2] : [2, 5]
    }
    let fault = importFault { try Self.load(constant).requests }
    #expect((fault != nil) == (tokens >= 32))
    guard let fault else { return }
    #expect(fault.kind == .recordedNothing)
    #expect(fault.layer == 1)
    #expect(fault.problem.hasPrefix("all \(tokens) tokens choose the same experts (2, 5)"))
    #expect(fault.remedy.contains("--keep-constant"))
    let kept = try Self.load(constant, keepsConstant: true)
    #expect(kept.requests.map(\.ids.count) == [40 * 6])
  }

  @Test func aRecordingThatNeverChangesIsToldAsAWhole() throws {
    let constant = Self.bytes(tokens: 40, layers: 3) { _, layer in [Int32(layer), 7] }
    let fault = importFault { try Self.load(constant).requests }
    #expect(fault?.problem.contains("and no other layer ever changes either") == true)
  }

  /// One change is enough, be it the last token's; it may come in another request.
  @Test func aLayerThatChangesOnceIsBelieved() throws {
    let changing = Self.bytes(tokens: 60, layers: 2) { token, layer in
      layer == 1 ? (token == 59 ? [0, 1] : [5, 2]) : Self.varying(token, layer)
    }
    #expect(try Self.load(changing).requests.count == 1)
  }

  @Test func routersThatTakeAllExpertsAreNotConstant() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      npy32([50, 1, 2], (0..<50).flatMap { $0 % 2 == 0 ? [0, 1] : [1, 0] }), to: "a.npy")
    let requests = try importAll([path], options: ImportOptions(experts: 2, prefill: 0))
    #expect(requests.map(\.ids.count) == [100])
  }

  @Test(arguments: [(32, 32), (31, 0), (50, 50)])
  func identicalTokensAtTheBeginningAreAWarmUp(same: Int, found: Int) throws {
    let bytes = Self.bytes(tokens: 60, layers: 2) { token, layer in
      token < same ? [6, 1] : Self.varying(token + 1, layer)
    }
    let kept = try Self.load(bytes)
    #expect(kept.omissions.warmUpTokens == found)
    #expect(kept.requests.map(\.ids.count) == [240])
    let dropped = try Self.load(bytes, dropsWarmUp: true)
    #expect(dropped.requests[0].ids == Array(kept.requests[0].ids[(found * 4)...]))
    #expect(dropped.requests.map(\.prefill) == [max(0, 40 - found)])
  }

  /// A warm-up that is all of the first requests ends where a later one differs.
  @Test func aWarmUpGoesOverRequests() throws {
    let folder = try TemporaryFolder()
    let warm = Self.bytes(tokens: 40, layers: 2) { _, _ in [6, 1] }
    try folder.write(warm, to: "1.npy")
    try folder.write(warm, to: "2.npy")
    try folder.write(Self.bytes(tokens: 40, layers: 2, Self.varying), to: "3.npy")
    try folder.write(warm, to: "4.npy")
    var importer = try TraceImporter(
      [folder.path], options: ImportOptions(experts: 8, prefill: 40, dropsWarmUp: true))
    var names: [String] = []
    while let request = try importer.next() { names.append(request.name) }
    #expect(names == ["3", "4"])
    #expect(importer.omissions.warmUpTokens == 80)
  }
}
