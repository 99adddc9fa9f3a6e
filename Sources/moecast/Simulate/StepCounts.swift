import ArgumentParser

/// The sizes of `--batch`.
func batchSizes(_ text: String) throws -> [Int] {
  try commaSeparated(text, "--batch", "whole numbers from 1 to 1,048,576") { word in
    Int(word).flatMap { (1...1 << 20).contains($0) ? $0 : nil }
  }
}

/// The steps of batches that a simulation runs.
struct StepCounts {
  let all: Int
  /// Those at the beginning that make copies but are not counted.
  let warm: Int

  /// - Parameter warm: nil for half of them, but no more than eight.
  /// - Throws: `ValidationError` where none would be counted.
  init(_ all: Int, warm: Int?) throws {
    self.all = all
    self.warm = warm ?? min(8, all / 2)
    guard all > self.warm, self.warm >= 0 else {
      throw ValidationError("--steps must be above --warm-steps, which is at least 0")
    }
  }
}
