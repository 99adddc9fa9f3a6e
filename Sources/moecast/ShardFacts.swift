import ArgumentParser
import DurableFile
import Prequential
import RoutingTrace
import ShardSums

/// What is told of a run beside its scores and adds up over shards: what was not recorded, and how
/// many of its chunks had been learnt before.
struct ShardFacts {
  /// What of the shards was not recorded.
  var absent: AbsentRoutes
  /// The digests of all chunks.
  private(set) var digests: [UInt32]
  /// Chunks whose digest is one of those that the model had learnt, and how many these are.
  private var met: Int
  private var learnt: Int

  /// The facts of a run.
  init(absent: AbsentRoutes, known: KnownChunks, digests: [UInt32]) {
    self.absent = absent
    self.digests = digests
    (met, learnt) = (known.metBefore, known.known)
  }

  /// The facts that sums hold.
  init(_ sums: ShardSums) throws(ShardSumsError) {
    let absent: [UInt64] = try sums.values("absent", shape: [3])
    let known: [UInt64] = try sums.values("known_chunks", shape: [2])
    self.absent = AbsentRoutes(
      tokens: Int(absent[0]), events: Int(absent[1]), slots: Int(absent[2]))
    (met, learnt) = (Int(known[0]), Int(known[1]))
    digests = try sums.values("digests", shape: [-1])
  }

  /// Keeps the facts among `sums`.
  func write(to sums: inout ShardSums) {
    sums.set(
      "absent", [absent.tokens, absent.events, absent.slots].map { UInt64($0) }, shape: [3])
    sums.set("known_chunks", [UInt64(met), UInt64(learnt)], shape: [2])
    sums.set("digests", digests, shape: [digests.count])
  }

  /// Adds the facts of another shard.
  ///
  /// - Throws: `ShardSumsError` where it has chunks that are counted already, or was measured with
  ///   another model.
  mutating func add(_ other: ShardFacts) throws(ShardSumsError) {
    guard learnt == other.learnt else {
      throw .differs("model's number of chunks learnt", "\(learnt)", "\(other.learnt)")
    }
    let again = KnownChunks(digests).count(in: other.digests)
    guard again == 0 else { throw .overlap(again) }
    // Numbers in sums are below 2^62.
    let counts = [
      absent.tokens + other.absent.tokens, absent.events + other.absent.events,
      absent.slots + other.absent.slots, met + other.met,
    ]
    guard UInt64.areWithinReach(counts.map { UInt64($0) }) else { throw .full }
    absent = AbsentRoutes(tokens: counts[0], events: counts[1], slots: counts[2])
    met = counts[3]
    digests += other.digests
  }

  /// What is known of the shards' chunks together.
  var known: KnownChunks { KnownChunks(shards: digests, met: met, known: learnt) }
}

/// Sums of shards as the inputs of a command.
enum ShardInputs {
  /// The inputs, where they are files of sums; nil where they are traces.
  ///
  /// - Throws: `ValidationError` where some are and some are not.
  static func sums(in inputs: [String]) throws -> [String]? {
    let sums = inputs.filter { $0 != StandardStream.dash && ShardSums.areIn($0) }
    guard let first = sums.first else { return nil }
    if let other = inputs.first(where: { !sums.contains($0) }) {
      throw ValidationError(
        "\(first) holds sums of a shard and \(other) does not; give sums alone, or traces alone")
    }
    return inputs
  }

  /// The sums of all `files`, one file in memory at a time, and what is told beside them.
  ///
  /// - Parameters:
  ///   - kind: the command that they are to be of.
  ///   - read: what the command makes of sums.
  ///   - add: adds the second to the first.
  /// - Throws: `ShardSumsError` naming the file that cannot be read or added.
  static func total<Figures>(
    of files: [String], _ kind: ShardSums.Kind,
    read: (ShardSums) throws(ShardSumsError) -> Figures,
    add: (inout Figures, Figures) throws(ShardSumsError) -> Void
  ) throws -> (figures: Figures, facts: ShardFacts) {
    func shard(_ file: String) throws(ShardSumsError) -> (figures: Figures, facts: ShardFacts) {
      let sums = try ShardSums(path: file)
      guard sums.kind == kind else {
        throw ShardSumsError(
          file: file, "it holds sums of `moecast \(sums.kind.rawValue)`",
          remedy: "give it to that command")
      }
      do throws(ShardSumsError) { return (try read(sums), try ShardFacts(sums)) } catch {
        throw error.of(file)
      }
    }
    guard let first = files.first else { throw ValidationError("no file of sums is given") }
    var total = try shard(first)
    for file in files.dropFirst() {
      let next = try shard(file)
      do throws(ShardSumsError) {
        try total.facts.add(next.facts)
        try add(&total.figures, next.figures)
      } catch { throw error.of(file) }
    }
    return total
  }

  /// Writes sums and the facts beside them to the file at `path`.
  static func write(
    _ sums: ShardSums, _ facts: ShardFacts, to path: String, inputs: [String], force: ForceOption
  ) throws {
    var sums = sums
    facts.write(to: &sums)
    let sink = try OutputSink(path, .sums(inputs: inputs, force: force))
    try sink.write(try sums.bytes())
    try sink.commit()
  }
}
