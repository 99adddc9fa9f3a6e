import Foundation
import TestSupport

/// The program as its users start it, on the traces that ship with the project.
enum Program {
  static let train = BuiltProgram.models + "/tiny-moe-train.moe.lz4"
  static let test = BuiltProgram.models + "/tiny-moe-test.moe.lz4"
  static let model = BuiltProgram.models + "/tiny-moe.h5"
  /// The predictors that count, in the order in which the reference has them.
  static let counting = ["frequency", "layer-markov", "layer-product", "token-markov"]

  /// What a run prints on standard output.
  ///
  /// - Throws: `CommandError` with its complaint where it fails.
  static func text(_ arguments: [String]) throws -> String {
    try run([BuiltProgram.path] + arguments)
  }

  /// What a run with `--json` prints.
  static func json(_ arguments: [String]) throws -> JSONValue {
    try JSONValue(parsing: text(arguments + ["--json"]))
  }
}

/// The scripts in `Reference/`, which compute in numpy what the program prints.
enum Reference {
  static let isPresent = Python.has("numpy", "lz4.frame")
  static let absence = Python.absence("numpy", "lz4")

  static func text(_ script: String, _ arguments: [String]) throws -> String {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Reference")
    return try Python.run(file: folder.appending(path: script).path(), arguments)
  }

  static func json(_ script: String, _ arguments: [String]) throws -> JSONValue {
    try JSONValue(parsing: text(script, arguments))
  }
}
