import ArgumentParser
import Glibc
import SystemPackage

/// `moecast serve`: hands over to `moecast-serve`, a program of its own, since it holds a web server
/// that nothing else needs.
struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Forecasts and learns beside an engine, through a Unix socket and HTTP.",
    discussion: """
      It is a program of its own, moecast-serve, which `make service` builds.

      Example:
        moecast serve --model model.h5
      """)

  @Argument(
    parsing: .captureForPassthrough,
    help: "What moecast-serve is told; with --help it says it itself.")
  var arguments: [String] = []

  func run() throws {
    let place = Self.place(besides: try Self.ownPath())
    var words = ([place] + arguments).map { strdup($0) } + [nil]
    execv(place, &words)
    // This program goes on only where that one cannot be run.
    let reason = Errno(rawValue: errno)
    for word in words { free(word) }
    if arguments.contains(where: ["-h", "--help"].contains) { throw CleanExit.helpRequest(self) }
    throw ServiceProgramError(
      description:
        "\(place): cannot be run (\(reason)); build it with `make service`, or install it "
        + "with `make install-service`")
  }

  /// Where it has to be: beside this program.
  static func place(besides path: String) -> String {
    path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/") + "/moecast-serve"
  }

  /// This program's file.
  private static func ownPath() throws -> String {
    var room = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = readlink("/proc/self/exe", &room, room.count - 1)
    guard count > 0 else {
      throw ServiceProgramError(
        description: "this program's own folder is not known; call moecast-serve itself")
    }
    return String(decoding: room.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// `moecast-serve` cannot be run.
struct ServiceProgramError: Error, CustomStringConvertible {
  let description: String
}
