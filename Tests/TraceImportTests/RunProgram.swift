import Foundation

/// Runs a program of the system to its end.
func run(_ program: String, _ arguments: [String]) throws {
  let process = Process()
  process.executableURL = URL(filePath: program)
  process.arguments = arguments
  try process.run()
  process.waitUntilExit()
  guard process.terminationStatus == 0 else {
    throw ProgramFailure(program: program, status: process.terminationStatus)
  }
}

struct ProgramFailure: Error {
  var program: String
  var status: Int32
}
