import ArgumentParser
import DurableFile
import SystemPackage

/// Standard output, of which every byte is accounted for.
///
/// A reader that has seen enough and closes the pipe ends the printing, not the work; anything else
/// that loses a byte, such as a full disk, is an error that ``finish()`` throws when the work is
/// done.
struct StandardOutput {
  private enum State {
    case open
    /// The reader has gone; nothing more is written.
    case unwanted
    case failed(Errno)
  }

  private let descriptor: FileDescriptor
  private var state = State.open
  /// What stands behind it.
  let terminal: Terminal

  /// - Parameters:
  ///   - descriptor: where to write in its place, for tests.
  ///   - terminal: what to take it for; nil for what it is.
  init(_ descriptor: FileDescriptor = .standardOutput, terminal: Terminal? = nil) {
    self.descriptor = descriptor
    self.terminal = terminal ?? .of(descriptor.rawValue)
  }

  /// Prints what people see, as wide as there is room.
  mutating func show(_ shown: any Shown) {
    write(
      shown.lines(on: terminal).map { $0.written(on: terminal) + "\n" }.joined())
  }

  /// Prints a note, which is faint where that can be.
  mutating func note(_ text: String) { write(Line(text, .faint).written(on: terminal) + "\n") }

  /// Prints one line; line feeds in it are made visible.
  mutating func line(_ line: String = "") { write(visible(line) + "\n") }

  /// Prints lines of our own making, in which text of others was made visible before.
  mutating func text(_ text: String) { write(visible(text, keepingLines: true) + "\n") }

  /// Prints the table or, as JSON, what it was made from.
  mutating func report(
    _ json: Bool, _ value: some Encodable, _ table: @autoclosure () -> any Shown
  ) throws {
    if json { text(try moecast.json(value)) } else { show(table()) }
  }

  private mutating func write(_ text: String) {
    guard case .open = state else { return }
    var text = text
    text.withUTF8 { bytes in
      do { _ = try descriptor.writeAll(UnsafeRawBufferPointer(bytes)) } catch {
        state = (error as? Errno) == .brokenPipe ? .unwanted : .failed(error as? Errno ?? .ioError)
      }
    }
  }

  /// Says whether all of it has arrived.
  ///
  /// - Throws: `FileError` where something was lost.
  consuming func finish() throws(FileError) {
    if case .open = state, let code = descriptor.errorOfClosing() { state = .failed(code) }
    if case .failed(let code) = state { throw FileError(lostOn: "standard output", code) }
  }
}

extension FileDescriptor {
  /// What a file system tells only when a file is closed, as network file systems tell of a full
  /// disk; the file stays open.
  func errorOfClosing() -> Errno? {
    do { try duplicate().close() } catch { return error as? Errno ?? .ioError }
    return nil
  }
}

extension FileError {
  /// Output that did not arrive on an open stream.
  init(lostOn path: FilePath, _ code: Errno) {
    self.init(
      path, .write, "cannot be written", code: code,
      remedy: code == .badFileDescriptor ? "leave it open or send it to a file" : nil)
  }
}

/// A subcommand that prints: what it printed has arrived when it ends, or it fails.
protocol PrintingCommand: ParsableCommand {
  /// Does the command's work.
  func run(printing output: inout StandardOutput) throws
}

extension PrintingCommand {
  func run() throws {
    var output = StandardOutput()
    try run(printing: &output)
    try output.finish()
  }
}
