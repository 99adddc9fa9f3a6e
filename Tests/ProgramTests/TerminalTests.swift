import Foundation
import TestSupport
import Testing

/// What the program prints on a real terminal: a pseudo-terminal of Python's, whose output is read.
@Suite(.enabled(if: Python.has("pty"), "python3 is not there"))
struct TerminalTests {
  /// What a command prints on a terminal of so many columns.
  private func printed(
    _ arguments: [String], columns: Int, _ environment: [String: String] = [:]
  ) throws -> (text: String, status: Int) {
    let settings = environment.map { "os.environ[\"\($0.key)\"] = \"\($0.value)\"" }
    let script = """
      import fcntl, os, pty, struct, sys, termios
      for name in ["NO_COLOR", "COLUMNS"]: os.environ.pop(name, None)
      os.environ["TERM"] = "xterm"
      \(settings.joined(separator: "\n"))
      pid, fd = pty.fork()
      if pid == 0:
          fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, \(columns), 0, 0))
          os.execv(sys.argv[1], sys.argv[1:])
      printed = b""
      while True:
          try: part = os.read(fd, 65536)
          except OSError: break
          if not part: break
          printed += part
      status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
      sys.stdout.write(f"{status}\\n" + printed.decode())
      """
    let folder = try TemporaryFolder()
    let file = try folder.write(Array(script.utf8), to: "terminal.py")
    let all = try Python.run(file: file, [BuiltProgram.path] + arguments)
      .replacing("\r\n", with: "\n").replacing("\r", with: "\n")
    let end = try #require(all.firstIndex(of: "\n"))
    return (String(all[all.index(after: end)...]), try #require(Int(all[..<end])))
  }

  /// Lines without what sets weights and takes bars off the screen.
  private func lines(_ text: String) -> [String] {
    text.replacing(#/\x1B\[[0-9;]*[mK]/#, with: "").split(separator: "\n").map(String.init)
  }

  private static let simulate = [
    "simulate", Program.test, "--shape", "tiny-moe", "--strategy", "base,ep,staged", "--batch",
    "64",
  ]

  @Test(arguments: [60, 80, 200]) func tablesFit(columns: Int) throws {
    for command in [
      Self.simulate, ["analyze", Program.test], ["inspect", Program.test],
      ["inspect", Program.model], ["list", "predictors"], ["list", "systems"], ["list"],
      ["simulate", "cache", Program.test, "--capacity", "10"],
      ["train", Program.test, "--predictors", "frequency,layer-markov,layer-product,token-markov"],
      ["compare", Program.test, "--predictors", "frequency,layer-markov"],
    ] {
      let (text, status) = try printed(command, columns: columns)
      #expect(status == 0, "\(command): \(text)")
      for line in lines(text) where !line.hasPrefix("source ") && !line.hasPrefix("tasks ") {
        // Sentences are the terminal's to break; tables are not.
        guard line.contains("  ") else { continue }
        #expect(line.count <= columns, "\(command) \(columns): \(line)")
      }
    }
  }

  /// A pipe gets what it always got: no weight, no meanings, no bars.
  @Test func pipesStayPlain() throws {
    let plain = try Program.text(Self.simulate)
    let (wide, _) = try printed(Self.simulate, columns: 400, ["NO_COLOR": "1"])
    #expect(!plain.contains("\u{1B}") && !plain.contains("meaning"))
    #expect(!plain.contains("links that weight reads cross"))
    let seen = lines(wide)
    for line in plain.split(separator: "\n") { #expect(seen.contains(String(line))) }
    #expect(wide.contains("links that weight reads cross"))
  }

  @Test func weightIsOffWithNoColour() throws {
    let bold = "\u{1B}[1m"
    #expect(try printed(Self.simulate, columns: 100).text.contains(bold))
    #expect(try !printed(Self.simulate, columns: 100, ["NO_COLOR": "1"]).text.contains(bold))
    #expect(try !printed(Self.simulate, columns: 100, ["TERM": "dumb"]).text.contains(bold))
  }

  @Test func sparklinesAreDrawn() throws {
    let (analysis, _) = try printed(["analyze", Program.test], columns: 160)
    #expect(analysis.contains("by layer") && analysis.contains("█"))
    let (trace, _) = try printed(["inspect", Program.test], columns: 80)
    #expect(trace.contains("lengths ") && trace.contains(" tokens a request"))
    let (model, _) = try printed(["inspect", Program.model], columns: 80)
    #expect(model.contains("learning ") && model.contains("recall@8 of "))
    #expect(try !Program.text(["analyze", Program.test]).contains("by layer"))
  }

  /// No terminal is sent what it cannot show.
  @Test(arguments: [
    ["sample", "--model", Program.model, "--requests", "1", "-o", "-"],
    ["import", Program.test, "-o", "-"],
    ["forecast", "--model", Program.model, Program.test, "--to", "npz", "-o", "-"],
    ["export", "--model", Program.model, "--to", "npz", "-o", "-"],
  ]) func noBinaryOnATerminal(command: [String]) throws {
    let (text, status) = try printed(command, columns: 80)
    #expect(status == 1 && text.contains("standard output: is a terminal"), "\(text.prefix(200))")
    #expect(text.contains("send it to a file (-o FILE) or into a pipe"))
    #expect(!text.unicodeScalars.contains { $0.value == 0 })
  }

  /// Text may go there.
  @Test func textMayGoToATerminal() throws {
    let (text, status) = try printed(
      [
        "forecast", "--model", Program.model, Program.test, "--every", "100", "--layers", "3",
        "-o", "-",
      ], columns: 80)
    #expect(status == 0 && text.contains("{\"request\": "))
  }
}
