import Export
import RoutingTrace
import TestSupport
import Testing
import TraceImport

/// A trace that is exported and imported again is the same trace.
@Suite struct RoundTripTests {
  /// Reads a folder or file back.
  private func imported(_ path: String, experts: Int = 12) throws -> [RequestTrace] {
    var importer = try TraceImporter([path], options: ImportOptions(experts: experts))
    var requests: [RequestTrace] = []
    while let request = try importer.next() { requests.append(request) }
    #expect(importer.shape.modelLayers == [1, 2, 5])
    return requests
  }

  @Test(arguments: [true, false], [1, 3])
  func archivesARequestComeBack(_ weighted: Bool, topK: Int) throws {
    let (requests, blocks) = try sampleBlocks(weighted: weighted, topK: topK)
    let output = try exported(blocks, by: RequestNPZ.self)
    #expect(output.closed.count == requests.count)
    let folder = try TemporaryFolder()
    try output.write(to: folder)
    let back = try imported(folder.path)
    #expect(back == requests)
    let shape = blocks[0].shape
    #expect(try traceBytes(of: back, shape: shape) == traceBytes(of: requests, shape: shape))
  }

  @Test(arguments: [1, 3])
  func oneArrayComesBack(_ topK: Int) throws {
    let (requests, blocks) = try sampleBlocks(topK: topK)
    let output = try exported(blocks, by: TraceNPY.self)
    let folder = try TemporaryFolder()
    try folder.write(output.output, to: "trace.npy")
    let json = try #require(output.files[".json"])
    try folder.write(json, to: "trace.json")
    #expect(try imported(folder.file("trace.npy")) == requests)
    #expect(try imported(folder.path) == requests, "the sidecar is no trace")
  }

  /// Requests that go on in later chunks, others between, are put together; lost positions are
  /// empty.
  @Test func interleavedRequestsArePutTogether() throws {
    let shape = try TraceShape(modelLayers: [1, 2, 5], experts: 12, topK: 1)
    let blocks = [
      try TokenBlock(
        shape: shape,
        runs: [
          TokenRun(request: 4, stage: .prefill, firstToken: 0, count: 1),
          TokenRun(request: 9, stage: .decode, firstToken: 0, count: 1),
        ], labels: [RequestLabel(request: 4, name: "four")], ids: [1, 2, 3, 4, 5, 6]),
      try TokenBlock(
        shape: shape,
        runs: [
          TokenRun(request: 9, stage: .decode, firstToken: 1, count: 1, endsRequest: true),
          TokenRun(request: 4, stage: .decode, firstToken: 2, count: 1),
        ], ids: [7, 8, 9, 10, 11, 0]),
    ]
    let folder = try TemporaryFolder()
    try exported(blocks, by: RequestNPZ.self).write(to: folder)
    let none = TokenBlock.emptySlot
    #expect(
      try imported(folder.path) == [
        RequestTrace(name: "request_000000", prefill: 0, ids: [2, 4, 6, 7, 9, 11]),
        RequestTrace(
          name: "four", prefill: 2, ids: [1, 3, 5, none, none, none, 8, 10, 0]),
      ])
  }

  @Test func whatHasNoPlaceIsSaid() throws {
    let blocks = try sampleBlocks(weighted: true).blocks
    var exporter = TraceNPY(TraceHeader(shape: blocks[0].shape), ExportSettings())
    for block in blocks { try exporter.add(block, to: MemoryOutput()) }
    #expect(exporter.omissions == ["gate weights are left out; --to npz has them"])
    var archives = RequestNPZ(TraceHeader(shape: blocks[0].shape), ExportSettings())
    for block in blocks { try archives.add(block, to: MemoryOutput()) }
    #expect(archives.omissions.isEmpty)
  }

  /// A request that would need more memory than there are ids for it is refused.
  @Test func aPositionFarAheadIsRefused() throws {
    let shape = try TraceShape(modelLayers: [0], experts: 12, topK: 1)
    let run = TokenRun(
      request: 1, stage: .decode, firstToken: 600_000_000, count: 1, endsRequest: true)
    let block = try TokenBlock(shape: shape, runs: [run], ids: [3])
    #expect(throws: ExportError.self) { try exported([block], by: RequestNPZ.self) }
  }

  @Test(.enabled(if: Python.has("numpy"), "python3 with numpy is absent"))
  func numpyReadsWhatIsWritten() throws {
    let (requests, blocks) = try sampleBlocks(weighted: true)
    let folder = try TemporaryFolder()
    try exported(blocks, by: RequestNPZ.self).write(to: folder)
    try exported(blocks, by: TraceNPY.self).write(to: folder, named: "all")
    let printed = try Python.run(
      """
      import json, numpy as np, sys
      all, told = np.load(sys.argv[1] + '/all'), json.load(open(sys.argv[1] + '/all.json'))
      first = 0
      for n, request in enumerate(told['requests']):
          z = np.load(f'{sys.argv[1]}/request_{n:06}.npz')
          rows = all[first:first + request['rows']]
          first += request['rows']
          assert (z['routed_experts'] == rows).all()
          assert len(z['prompt_token_ids']) == request['input_token_count']
          assert len(z['prompt_token_ids']) + len(z['output_token_ids']) == len(rows)
          assert ((z['routing_weights'] > 0) == (rows >= 0)).all()
      print(all.shape, all.dtype.str, first, (all[:, [0, 3, 4]] == -1).all())
      print(all[0, 1].tolist(), str(z['request_id']), str(z['task']))
      """, folder.path)
    let tokens = requests.reduce(0) { $0 + $1.ids.count / 9 }
    let event = requests[0].ids.prefix(3).map { $0 == TokenBlock.emptySlot ? -1 : Int($0) }
    #expect(
      printed == """
        (\(tokens), 6, 3) <i2 \(tokens) True
        \(event) request 4, ä t4

        """)
  }
}
