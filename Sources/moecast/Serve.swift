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

  @Argument(parsing: .captureForPassthrough, help: "What moecast-serve is told; see serve --help.")
  var arguments: [String] = []

  func run() throws {
    let places = try Self.places(besides: Self.ownPath())
    for place in places {
      var words = ([place] + arguments).map { strdup($0) } + [nil]
      execv(place, &words)
      for word in words { free(word) }
      guard errno == ENOENT else {
        throw ServiceProgramError(
          description: "\(place): cannot be run (\(Errno(rawValue: errno))); build it with "
            + "`make service`")
      }
    }
    throw ServiceProgramError(
      description: "moecast-serve is not there (\(places.joined(separator: ", "))); build it with "
        + "`make service`, or install it with `make install-service`")
  }

  /// Where it may be: beside this program.
  static func places(besides path: String) -> [String] {
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    return [folder.joined(separator: "/") + "/moecast-serve"]
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
