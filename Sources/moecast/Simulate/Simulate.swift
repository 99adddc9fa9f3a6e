import ArgumentParser

/// `moecast simulate`: the paper's case study 1, and studies of what forecasts are worth in it.
///
/// Each subcommand has options of its own and knows none of the others'. Without one,
/// ``SimulateStrategies`` runs.
struct Simulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Simulates MoE layers on a wafer of dies, or on a smaller system.",
    discussion: """
      Examples:
        moecast simulate --wafer dojo,sow --batch 4096,16384 trace.moe.lz4
        moecast simulate sweep --csv trace.moe.lz4 > sweep.csv
        moecast simulate paper --figures figures trace.moe.lz4
        moecast simulate demand --batch 64,1024 trace.moe.lz4
        moecast simulate cache --capacity 5,10,25 trace.moe.lz4
        moecast simulate offload --wafer pcie-1 --capacity 25 trace.moe.lz4
        moecast simulate serving --wafer pcie-1 --rate 20 trace.moe.lz4
        moecast simulate serverless --rate 20 trace.moe.lz4
        moecast simulate services --servers 32 --lose 10 trace.moe.lz4

      Each of them has a page of help. Without the name of one, strategies is meant, as in the \
      first line. A trace that is named like one of them is written with its folder, ./sweep.
      """,
    subcommands: [
      SimulateStrategies.self, SimulateSweep.self, SimulatePaper.self, SimulateDemand.self,
      SimulateCache.self, SimulateOffload.self, SimulateServing.self, SimulateServerless.self,
      SimulateServices.self,
    ],
    defaultSubcommand: SimulateStrategies.self)

  /// Where the options went that chose between studies before each had a command of its own.
  static let formerOptions = [
    (option: "--sweep", now: "simulate sweep"), (option: "--demand", now: "simulate demand"),
    (option: "--expert-cache", now: "simulate cache --capacity"),
  ]

  /// What to write instead of options that are gone; nil where `arguments` have none of them.
  static func remedy(_ arguments: [String]) -> String? {
    guard arguments.first == configuration.commandName else { return nil }
    let now = formerOptions.first { former in
      arguments.contains { $0 == former.option || $0.hasPrefix(former.option + "=") }
    }
    return now.map { "\($0.option) is a command now: moecast \($0.now) ..." }
  }
}
