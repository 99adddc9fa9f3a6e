import ArgumentParser
import CProcessor
import Glibc

/// The program's root: subcommands and how its failures end.
struct Moecast: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "moecast",
    abstract: "Learns to forecast which experts a mixture-of-experts model will route to.",
    discussion: """
      Example:
        moecast import --shape tiny-moe -o trace.moe.lz4 request_*.npz
        moecast train trace.moe.lz4 --model model.h5
        moecast evaluate --model model.h5 other.moe.lz4
      """,
    version: "moecast 0.1.0",
    subcommands: [
      Import.self, Inspect.self, Train.self, Evaluate.self, Compare.self, Analyze.self,
      MergeModels.self,
      ExportTables.self, Simulate.self, Sample.self,
    ])
}

@main
enum Program {
  /// Exit codes: 0 done, 1 failed with one line on standard error, 2 wrong use.
  static func main() {
    guard processor_suffices() != 0 else {
      complain("moecast: built for processors with AVX2, this one has none; build with MARCH=")
      exit(1)
    }
    do {
      var command = try Moecast.parseAsRoot()
      try command.run()
    } catch {
      let code = Moecast.exitCode(for: error)
      if code == .success {
        print(Moecast.fullMessage(for: error))
        exit(0)
      }
      if code == .validationFailure {
        complain(Moecast.fullMessage(for: error))
        exit(2)
      }
      if !(error is ExitCode) { complain("moecast: \(error)") }
      exit(1)
    }
  }
}
