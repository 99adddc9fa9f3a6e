import Foundation

/// Runs a program found on the path and returns what it printed.
///
/// - Throws: ``CommandError`` with what it printed as error where it fails.
@discardableResult
public func run(_ program: String, _ arguments: String...) throws -> String {
  try run([program] + arguments)
}

/// Runs a program found on the path, or at one, with its arguments and returns what it printed.
///
/// - Throws: ``CommandError`` with what it printed as error where it fails.
public func run(_ command: [String]) throws -> String {
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments = command
  let (output, errors) = (Pipe(), Pipe())
  process.standardOutput = output
  process.standardError = errors
  try process.run()
  let printed = output.fileHandleForReading.readDataToEndOfFile()
  let complaint = errors.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  guard process.terminationStatus == 0 else {
    throw CommandError(description: String(decoding: complaint, as: UTF8.self))
  }
  return String(decoding: printed, as: UTF8.self)
}

/// A program that failed.
public struct CommandError: Error, CustomStringConvertible {
  public let description: String
}

extension SharedData {
  /// The path of a set of `traces/`, unpacked into `folder` where it is an archive.
  public static func traces(_ name: String, in folder: TemporaryFolder) throws -> String {
    let path = path + "/traces/" + name
    guard name.hasSuffix(".tar.xz") else { return path }
    try run("tar", "-xJf", path, "-C", folder.path)
    return folder.path
  }
}
