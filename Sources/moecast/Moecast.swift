import ArgumentParser
import CVectorShims
import Glibc
import ModelFile
import PathText
import SystemPackage

/// The program's root: subcommands and how its failures end.
struct Moecast: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "moecast",
    abstract: "Learns to forecast which experts a mixture-of-experts model will route to.",
    discussion: """
      Example:
        moecast import --shape tiny-moe -o trace.moe.lz4 request_*.npz
        moecast train trace.moe.lz4 -o model.h5
        moecast evaluate --model model.h5 other.moe.lz4
      """,
    version: ModelHeader.software,
    subcommands: [
      Import.self, Inspect.self, Train.self, Evaluate.self, ForecastEvents.self, Compare.self,
      Analyze.self, ReportCommand.self,
      MergeModels.self,
      ExportCommand.self, Place.self, Simulate.self, Sample.self, Serve.self, ListCommand.self,
    ])
}

extension Moecast {
  /// What is wrong with the word that should name a subcommand; nil for nothing.
  ///
  /// `simulate` takes a trace in place of a subcommand: of its own the near names count, and no
  /// file may be there.
  static func unknownCommand(_ arguments: [String]) -> String? {
    func names(_ configuration: CommandConfiguration) -> [String] {
      configuration.subcommands.map { $0._commandName }
    }
    guard let word = arguments.first, !word.hasPrefix("-") else { return nil }
    let own = names(configuration)
    guard own.contains(word) || word == "help" else {
      let near = meant(word, among: own)
      return "'\(word)' is no subcommand"
        + (near.isEmpty ? "; there are " + own.joined(separator: ", ") : near)
    }
    guard word == Simulate._commandName, arguments.count > 1, !arguments[1].hasPrefix("-"),
      (try? FilePath(text: arguments[1]).stat()) == nil
    else { return nil }
    let studies = names(Simulate.configuration)
    guard !studies.contains(arguments[1]) else { return nil }
    let near = meant(arguments[1], among: studies)
    return near.isEmpty ? nil : "simulate has no '\(arguments[1])', and no file is called so" + near
  }
}

/// The program: parses the arguments, runs the command, and ends with its exit code.
@main
enum Program {
  /// Exit codes: 0 done, 1 failed with one line on standard error, 2 wrong use, 128 + signal when
  /// it was asked to stop.
  static func main() {
    guard processor_suffices() != 0 else {
      complain("moecast: built for processors with AVX2, this one has none; build with MARCH=")
      exit(1)
    }
    prepareStreams()
    let arguments = argumentTexts()
    if let problem = Moecast.unknownCommand(arguments) {
      complain("moecast: \(problem)")
      exit(2)
    }
    do {
      do {
        var command = try Moecast.parseAsRoot(arguments)
        try command.run()
      } catch  where Moecast.exitCode(for: error) == .success {
        var output = StandardOutput()
        output.text(Moecast.fullMessage(for: error))
        try output.finish()
      }
    } catch let stop as Stopped {
      complain("moecast: \(stop)")
      exit(stop.exitStatus)
    } catch is ReaderIsGone {
      exit(0)
    } catch {
      if Moecast.exitCode(for: error) == .validationFailure {
        // The message has lines of its own; those in arguments, names of files often, are shown.
        let message = arguments.reduce(Moecast.fullMessage(for: error)) { message, argument in
          argument.isEmpty ? message : message.replacing(argument, with: visible(argument))
        }
        complain(message, keepingLines: true)
        if let remedy = Simulate.remedy(arguments) { complain(remedy) }
        exit(2)
      }
      if !(error is ExitCode) { complain("moecast: \(error)") }
      exit(1)
    }
  }

  /// Lets failing writes fail instead of killing the program, and fills the places of standard
  /// streams that are closed: the first file to be opened would stand there and receive what is
  /// printed.
  private static func prepareStreams() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
    where fcntl(stream, F_GETFD) == -1 {
      // The lowest free number is this one. Reading the first and writing the others fails, as if
      // closed.
      _ = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }
}
