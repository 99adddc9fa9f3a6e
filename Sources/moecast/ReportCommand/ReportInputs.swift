import ArgumentParser
import FoundationEssentials
import LoadProfile
import ModelFile
import PathText
import ReportPage
import RoutingTrace

/// The files of a report, told apart: traces, or sums of shards, and a model at most.
struct ReportInputs {
  /// What was named that is neither.
  let traces: [String]
  /// Sums of shards, of `analyze --partial`.
  let sums: [String]
  /// The model file, if one was named.
  let model: String?
  /// All files, those in folders too.
  let all: [String]

  /// - Throws: `ValidationError` where they do not go together, `TraceError` where a folder cannot be
  ///   read.
  init(_ inputs: [String]) throws {
    func isFile(_ path: String) -> Bool { path != StandardStream.dash }
    if let profile = inputs.first(where: { isFile($0) && LoadProfile.isProfile($0) }) {
      throw ValidationError(
        "\(profile) is a load profile, which has no routing to report; `moecast analyze` tells of it"
      )
    }
    let models = inputs.filter { isFile($0) && Checkpoint.isModel($0) }
    guard models.count <= 1 else {
      throw ValidationError(
        "a report is of one model at most, not \(models.count); `moecast compare` compares predictors"
      )
    }
    model = models.first
    let others = inputs.filter { !models.contains($0) }
    sums = try ShardInputs.sums(in: others) ?? []
    if let model, !sums.isEmpty {
      throw ValidationError(
        "sums of shards hold no tokens for \(model) to forecast; leave it out, or name the traces")
    }
    traces = sums.isEmpty ? others : []
    all = models + sums + (traces.isEmpty ? [] : try TraceStream.files(of: traces))
  }

  /// What stands at the page's foot of a file.
  static func input(_ path: String, kind: String, chunks: [UInt32]? = nil) -> Provenance.Input {
    let data =
      path == StandardStream.dash
      ? nil : try? Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
    return Provenance.Input(
      name: path == StandardStream.dash ? "standard input" : path, kind: kind, bytes: data?.count,
      digest: data.map { data in data.withUnsafeBytes { hexadecimal(xxh64($0)) } },
      chunksDigest: chunks.map { list in
        hexadecimal(
          xxh64(
            list.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }))
      })
  }
}
