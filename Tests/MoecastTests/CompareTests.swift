import ArgumentParser
import Testing

@testable import moecast

@Suite struct CompareTests {
  @Test(arguments: [
    // It prints no lines on the way that there would be something to say of.
    ("--every 1", "Unknown option '--every'"), ("--quiet", "Unknown option '--quiet'"),
    ("--predictors ,", "--predictors is empty"),
    ("--predictors frequency,frequency", "--predictors names 'frequency' twice"),
    ("--resamples=-1", "--resamples is from 0 to 100,000"),
    ("--resamples 100001", "--resamples is from 0 to 100,000"),
    ("--recall-at 0", "--recall-at takes numbers from 1"),
  ]) func wrongUseIsRefused(options: String, message: String) {
    let words = options.split(separator: " ").map(String.init)
    expectWrongUse(["compare", "t.moe.lz4"] + words, message)
  }

  /// `train` and `evaluate` space their lines by it.
  @Test func everyIsForTraining() throws {
    #expect(try Moecast.parseAsRoot(["train", "t", "--every", "1"]) is Train)
    #expect(try Moecast.parseAsRoot(["evaluate", "--model", "m", "t", "--every", "1"]) is Evaluate)
  }
}
