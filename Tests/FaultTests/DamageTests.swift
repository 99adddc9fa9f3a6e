import Foundation
import LZ4Frame
import ModelFile
import Prequential
import RoutingTrace
import TestSupport
import Testing

/// Files that were cut or flipped: nothing is learnt from them, and models fall back a generation.
@Suite(.serialized) struct DamageTests {
  /// A learner's model and the one a generation before.
  func model() throws -> (training: Training, bytes: [UInt8]) {
    let training = try Training()
    let ending = try Program.Run(training.arguments()).ending()
    #expect(ending.status == 0)
    return (training, try training.folder.bytes(of: "M.h5"))
  }

  @Test func damagedModelsFallBack() throws {
    let (training, whole) = try model()
    let before = try Checkpoint.read(training.generation(1)).learner.progress
    let now = try Checkpoint.read(training.model).learner.progress
    #expect(before != now)
    let cuts = Tally("newest checkpoint cut, at every 4 KiB and in the last 70 bytes")
    let lengths =
      Array(stride(from: 0, to: whole.count, by: 4096)) + Array(whole.count - 70..<whole.count)
    for count in lengths {
      try training.folder.write(Array(whole[..<count]), to: "M.h5")
      check(cuts, training, before, now, "cut to \(count)")
    }
    cuts.tell()
    let flips = Tally("newest checkpoint with one bit flipped")
    var random = SplitMix64(seed: 22)
    for _ in 0..<(Program.isFull ? 3000 : 300) {
      let bit = Int.random(in: 0..<whole.count * 8, using: &random)
      var bytes = whole
      bytes[bit / 8] ^= 1 << (bit % 8)
      try training.folder.write(bytes, to: "M.h5")
      check(flips, training, before, now, "bit \(bit)")
    }
    flips.tell()
  }

  /// `compare` and `analyze` tell what the chunks before a damaged one told, then complain of it.
  @Test(arguments: [["compare", "--predictors", "frequency"], ["analyze"]])
  func figuresBeforeTheDamage(command: [String]) throws {
    let folder = try TemporaryFolder()
    var bytes = [UInt8](try Data(contentsOf: URL(filePath: Program.trace)))
    bytes[bytes.count / 2] ^= 0xFF
    let ending = try Program.run(command + [try folder.write(bytes, to: "t.moe.lz4"), "--json"])
    #expect(ending.status == 1)
    let trained = try Program.run(
      "train", Program.trace, "--predictors", "frequency", "--stop-after", "6", "--json")
    func requests(_ output: String) -> Substring? {
      output.split(separator: "\n").first { $0.contains("\"requests\" :") }?.drop { $0 == " " }
    }
    #expect(requests(ending.output) != nil && requests(ending.output) == requests(trained.output))
    #expect(ending.complaint.contains("chunk 6"), "\(ending.complaint)")
  }

  /// The generation before is found and said to be, or the newest one is right after all: a flip or
  /// cut in the seal alone leaves every group's digest.
  private func check(
    _ tally: Tally, _ training: Training, _ before: StreamProgress, _ now: StreamProgress,
    _ place: String
  ) {
    do {
      let found = try Checkpoint.readNewest(of: training.model)
      let isOld = found.learner.progress == before
      tally.add(
        lost: false,
        silent: !(isOld && found.passedOver.count == 1)
          && !(found.learner.progress == now && !found.isSealed), place)
    } catch {
      tally.add(lost: true, silent: false, "\(place): \(error)")
    }
  }

  @Test func damagedTracesTeachNothing() throws {
    let whole = Array(try Data(contentsOf: URL(filePath: Program.trace)))
    let chunks = try Self.chunks(of: whole).chunks
    let cuts = Tally("trace cut, at every byte of its first 4 KiB and last 2 KiB, else every 499")
    let lengths =
      Array(0..<4096) + Array(stride(from: 4096, to: whole.count - 2048, by: 499))
      + Array(whole.count - 2048..<whole.count)
    for count in lengths where Program.isFull || count % 16 == 0 {
      let read = try Self.chunks(of: Array(whole[..<count]))
      cuts.add(
        lost: false,
        silent: read.isComplete || read.chunks != Array(chunks[..<read.chunks.count]), "at \(count)"
      )
    }
    cuts.tell("whole chunks before the cut are read")
    let flips = Tally("trace with one bit flipped")
    var random = SplitMix64(seed: 23)
    for _ in 0..<(Program.isFull ? 3000 : 200) {
      let bit = Int.random(in: 0..<whole.count * 8, using: &random)
      var bytes = whole
      bytes[bit / 8] ^= 1 << (bit % 8)
      let read = try Self.chunks(of: bytes)
      let isPrefix = read.chunks == Array(chunks[..<read.chunks.count])
      // A flip that passes must have left every chunk and the end of the trace as they were.
      flips.add(
        lost: false, silent: !isPrefix || (read.isComplete && read.chunks.count != chunks.count),
        "bit \(bit)")
    }
    flips.tell("no chunk that differs was handed on")
  }

  /// What a reader hands on before the end or an error.
  private static func chunks(
    of bytes: [UInt8]
  ) throws -> (chunks: [UInt32], isComplete: Bool) {
    var digests: [UInt32] = []
    do {
      var reader = try TraceReader(MemorySource(bytes), name: "memory")
      while let chunk = try reader.next() { digests.append(chunk.checksum) }
      return (digests, reader.index != nil)
    } catch is TraceError {
      return (digests, false)
    }
  }
}
