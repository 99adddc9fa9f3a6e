import Foundation

/// python3, as other people's reader and writer of our formats.
public enum Python {
  /// Whether python3 is there and imports all of `modules`.
  public static func has(_ modules: String...) -> Bool {
    (try? run("import " + modules.joined(separator: ", "))) != nil
  }

  /// What a test says that is skipped for want of `modules`.
  public static func absence(_ modules: String...) -> String {
    "python3 with " + modules.joined(separator: " and ") + " is absent"
  }

  /// Runs `script` with `arguments` as sys.argv[1...] and returns what it printed.
  ///
  /// - Throws: ``PythonError`` with what it printed as error where it fails.
  public static func run(_ script: String, _ arguments: String...) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script] + arguments
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let printed = output.fileHandleForReading.readDataToEndOfFile()
    let complaint = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw PythonError(description: String(decoding: complaint, as: UTF8.self))
    }
    return String(decoding: printed, as: UTF8.self)
  }
}

/// A script that failed.
public struct PythonError: Error, CustomStringConvertible {
  public let description: String
}
