import ArgumentParser
import Testing

@testable import moecast

/// The page that these arguments ask for.
func helpPage(_ arguments: [String]) throws -> String {
  do {
    var command = try Moecast.parseAsRoot(arguments)
    try command.run()
  } catch {
    guard Moecast.exitCode(for: error) == .success else { throw error }
    return Moecast.fullMessage(for: error)
  }
  Issue.record("\(arguments) asks for no page")
  return ""
}

@Suite struct HelpTests {
  /// Every subcommand, those of `simulate` too.
  private static let commands: [[String]] =
    Moecast.configuration.subcommands.map { [$0._commandName] }
    + Simulate.configuration.subcommands.map { ["simulate", $0._commandName] }

  /// Every page has an example whose lines can be copied: none is broken at the end of a line.
  @Test(arguments: commands) func examplesCanBeCopied(command: [String]) throws {
    let lines = try helpPage(command + ["--help"]).split(
      separator: "\n", omittingEmptySubsequences: false)
    let block = lines.drop { !$0.hasPrefix("Example") }.dropFirst().prefix { !$0.isEmpty }
    #expect(!block.isEmpty, "\(command)")
    for line in block { #expect(line.hasPrefix("  "), "\(command): \(line)") }
    #expect(block.contains { $0.contains("moecast \(command[0]) ") }, "\(command)")
    let root = try helpPage(["help"] + command)
    #expect(root.split(separator: "\n").first == lines.first?[...])
  }
}
