import Foundation

/// The program that was built with the tests, and what ships with the project for it to work on.
public enum BuiltProgram {
  /// Its path: beside the tests that were built with it, or what `MOECAST_PROGRAM` names.
  public static let path: String = {
    if let path = ProcessInfo.processInfo.environment["MOECAST_PROGRAM"] { return path }
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? ""
    return URL(filePath: bundle).deletingLastPathComponent().appending(path: "moecast").path()
  }()

  /// The folder `models/` of the project.
  public static let models: String = {
    // The file lies at <package>/Tests/TestSupport/BuiltProgram.swift.
    let file = URL(filePath: #filePath)
    return file.deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "models").path()
  }()
}
