import ArgumentParser

@main
struct Moecast: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "moecast",
    abstract: "Learns to forecast which experts a mixture-of-experts model will route to.",
    version: "0.1.0",
    subcommands: [Simulate.self])
}
