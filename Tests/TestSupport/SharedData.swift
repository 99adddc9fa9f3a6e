import FoundationEssentials

/// The folder `../shared` beside the package, with other people's traces and golden values.
///
/// It is not part of the project; tests that need it are skipped, and say so, where it is absent.
/// `MOECAST_SHARED` names it where it lies elsewhere.
public enum SharedData {
  /// The folder's path, whether or not it is there.
  public static var path: String {
    if let path = ProcessInfo.processInfo.environment["MOECAST_SHARED"] { return path }
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    // The file lies at <package>/Tests/TestSupport/SharedData.swift.
    parts.removeLast(4)
    return parts.joined(separator: "/") + "/shared"
  }

  /// Whether the folder is there.
  public static var isPresent: Bool { FileManager.default.fileExists(atPath: path) }

  /// What a skipped test says.
  public static let absence = "../shared is absent: its traces are not part of the project"
}
