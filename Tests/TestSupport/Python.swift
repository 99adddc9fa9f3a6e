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
  /// - Throws: ``CommandError`` with what it printed as error where it fails.
  public static func run(_ script: String, _ arguments: String...) throws -> String {
    try TestSupport.run(["python3", "-c", script] + arguments)
  }

  /// Runs the script in `file`, which finds what it imports beside it, and returns what it printed.
  ///
  /// - Throws: ``CommandError`` with what it printed as error where it fails.
  public static func run(file: String, _ arguments: [String]) throws -> String {
    // -B: nothing is left beside the scripts.
    try TestSupport.run(["python3", "-B", file] + arguments)
  }
}
