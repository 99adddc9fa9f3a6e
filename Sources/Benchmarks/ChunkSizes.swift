import LZ4Frame
import Prequential
import RoutingTrace

/// The same tokens in chunks of other sizes: learning and analysing from LZ4 on one core, learning
/// on two, beside chunks of the size that is written unless told otherwise.
func chunkSizes(_ trace: SyntheticTrace, _ rounds: Rounds) throws -> [ResultRow] {
  let sizes = [256, 1024, 4096, 16384]
  let requests = tokenMajor(trace)
  let traces = try sizes.map { size in
    var writer = try TraceWriter(
      MemorySink(), header: TraceHeader(shape: trace.shape), chunkTokens: size)
    for request in requests { try writer.append(request) }
    try writer.finish()
    return writer.sink.bytes
  }
  var learners: [Learner?] = sizes.map { _ in nil }
  let one = try rounds.medians(
    traces.indices.map { index in
      {
        learners[index] = try learn(
          trace, from: MemorySource(traces[index]), ["layer-markov"], workers: 1)
      }
    },
    by: .wall)
  let two = try rounds.medians(
    traces.indices.map { index in
      {
        learners[index] = try learn(
          trace, from: MemorySource(traces[index]), ["layer-markov"], workers: 2)
      }
    },
    by: .wall)
  guard learners.allSatisfy({ $0?.layers == learners[0]?.layers }) else {
    throw BenchmarkError.differs("what chunks of two sizes teach")
  }
  let millions = Double(trace.events) / 1e6
  let chosen = sizes.firstIndex(of: 4096) ?? 0
  return sizes.indices.flatMap { index in
    let name = "chunks of \(sizes[index]) tokens, \(trace.name)"
    return [
      ResultRow(
        what: "\(name): one core", unit: "M events/s", ours: millions / one[index],
        ceiling: millions / one[chosen], ceilingName: "chunks of 4,096"),
      ResultRow(
        what: "\(name): two cores", unit: "M events/s", ours: millions / two[index],
        ceiling: millions / two[chosen], ceilingName: "chunks of 4,096"),
      ResultRow(
        what: "\(name): size", unit: "bytes/token",
        ours: Double(traces[index].count) / Double(trace.tokens),
        ceiling: Double(traces[chosen].count) / Double(trace.tokens),
        ceilingName: "chunks of 4,096", isTime: true),
    ]
  }
}
