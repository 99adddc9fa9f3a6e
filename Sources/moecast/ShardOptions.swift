import ArgumentParser

/// `--chunks`, of commands that read traces as streams.
struct ChunkOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Read these chunks of one trace alone, found by its index; the first is 0.",
      valueName: "first-last"))
  var chunks: ChunkRange?

  /// The chunks to read; nil for all.
  var range: ClosedRange<Int>? { chunks?.range }
}

/// Ordinals of chunks from a first to a last, such as `0-63`; one number is a single chunk.
struct ChunkRange: ExpressibleByArgument {
  /// The ordinals.
  let range: ClosedRange<Int>

  init?(argument: String) {
    let words = argument.split(separator: "-", omittingEmptySubsequences: false)
    let ends = words.compactMap { Int($0) }
    guard (1...2).contains(words.count), ends.count == words.count, ends[0] >= 0,
      ends[0] <= ends[ends.count - 1]
    else { return nil }
    range = ends[0]...ends[ends.count - 1]
  }
}

/// `--partial`, of commands whose figures of shards add up.
struct PartialOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Write the sums that figures follow from to this file, in place of figures; the same command \
      tells those of several such files.
      """, valueName: "file"))
  var partial: String?
}
