import ArgumentParser
import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import Moecast
import NIOCore
import Service
import UnixSignals

/// `moecast serve`: one model beside an engine, through a Unix socket and HTTP.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "moecast serve",
    abstract: "Forecasts and learns beside an engine, through a Unix socket and HTTP.",
    discussion: """
      The model is kept in its file, as train keeps it: every --save-every seconds, when a client \
      asks for it, and at the end. SIGTERM, SIGINT and SIGHUP end it in order.

      Example:
        moecast serve --model model.h5
        curl http://127.0.0.1:8017/v1/model
      """,
    version: ModelHeader.software)

  @OptionGroup var options: ServeOptions

  func run() async throws {
    let token = try options.tokenFile.map(Self.token) ?? ""
    var settings = ForecastService.Options()
    settings.learns = !options.frozen
    settings.keeping = options.keep
    settings.recording = options.record
    settings.limits = options.limits
    let service = try ForecastService(
      model: options.model, beginning: options.beginning(), options: settings)
    for warning in service.warnings { complain(warning) }
    let path = options.socket ?? options.model + ".sock"
    let socket = try SocketServer(service, at: path, token: token)
    let housekeeping = Housekeeping(
      of: service, saveEvery: options.frozen ? nil : options.saveEvery, complain: complain)
    let door = WebDoor(
      service, history: housekeeping.history, token: token, isLoopback: options.isLoopback)
    var logger = Logger(label: "moecast")
    logger.logLevel = .critical
    let (host, live) = (options.host, service.model.live)
    let application = Application(
      router: door.router(),
      server: .http1(
        configuration: .init(idleTimeout: .seconds(Int64(options.patience.rounded(.up))))),
      configuration: .init(
        address: .hostname(host, port: options.port), serverName: nil,
        availableConnectionsDelegate: MaximumAvailableConnections(2 * options.connections)),
      onServerRunning: { channel in
        let port = channel.localAddress?.port ?? 0
        // At once, also into a pipe: scripts wait for the last line.
        let lines = [
          "serving \(live.shape): \(live.predictors.joined(separator: ", "))",
          "socket \(path)", "http://\(host.contains(":") ? "[\(host)]" : host):\(port)/",
        ]
        FileHandle.standardOutput.write(Data((lines.joined(separator: "\n") + "\n").utf8))
      },
      logger: logger)
    socket.start()
    housekeeping.start()
    do {
      try await application.runService(gracefulShutdownSignals: [.sigterm, .sigint, .sighup])
    } catch {
      socket.stop()
      throw Failure(
        "\(host):\(options.port): cannot listen there (\(error)); name another --port")
    }
    socket.stop()
    housekeeping.stop()
    try service.finish()
    if !options.frozen {
      complain("\(options.model): saved, \(service.model.live.standing.tokensLearnt) tokens learnt")
    }
  }

  /// The token of a file that only its owner may read.
  private static func token(_ path: String) throws -> String {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    guard let mode = attributes?[.posixPermissions] as? Int,
      let data = try? Data(contentsOf: URL(filePath: path))
    else {
      throw Failure("\(path): cannot be read; write a token there, and name it with --token-file")
    }
    guard mode & 0o077 == 0 else {
      throw Failure("\(path): others may read it; take that away with chmod 600")
    }
    let token = String(decoding: data, as: UTF8.self).trimmingCharacters(
      in: .whitespacesAndNewlines)
    guard token.utf8.count >= 16 else {
      throw Failure(
        "\(path): a token has at least 16 characters; make one with openssl rand -hex 32")
    }
    return token
  }
}

/// What ends the program with one line.
struct Failure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Says a line to whoever started the program.
@Sendable func complain(_ line: String) {
  FileHandle.standardError.write(Data("moecast serve: \(line)\n".utf8))
}

@main
enum Program {
  /// Exit codes: 0 ended in order, 1 failed with one line on standard error, 2 wrong use.
  static func main() async {
    guard isProcessorSufficient else {
      complain("built for processors with AVX2, this one has none; build with MARCH=")
      exit(1)
    }
    signal(SIGPIPE, SIG_IGN)
    do {
      var command = try Serve.parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      switch Serve.exitCode(for: error) {
      case .success: print(Serve.fullMessage(for: error))
      case .validationFailure:
        FileHandle.standardError.write(Data((Serve.fullMessage(for: error) + "\n").utf8))
        exit(2)
      default:
        complain("\(error)")
        exit(1)
      }
    }
  }
}
