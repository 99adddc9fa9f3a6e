import TestSupport
import Testing

@testable import moecast

@Suite struct SimulateServerlessTests {
  @Test(arguments: [
    ("", "say when requests arrive: --rate, or --arrivals FILE"),
    ("--rate 1 --arrivals times.txt", "say when requests arrive"),
    ("--arrivals times.txt --requests 5", "--requests would do nothing: it is for --rate"),
    ("--rate 1 --policy static,best", "--policy 'best' is none of static, eplb, serverless"),
    ("--rate 1 --forecast blend", "--forecast 'blend' is none of none, persistence, "),
    ("--rate 1 --distance 0", "--distance '0' is none of whole numbers from 1 to 4"),
    ("--rate 1 --distance 5", "--distance '5' is none of whole numbers from 1 to 4"),
    ("--rate 1 --keep-alive=-1", "--keep-alive and --locality are numbers from 0 to 1e9"),
    ("--rate 1 --window nan", "write a number, which is in seconds"),
    ("--rate 1 --every 0", "--every is at least 1"),
    ("--rate 1 --slots 0", "--slots is from 1 to 65,536"),
    ("--rate 1 --seed x", "--seed 'x' is none of whole numbers from 0"),
    (
      "--rate 1 --stage prefill",
      "--forecast mixture follows requests token by token, and --stage prefill takes prompts"
    ),
    // Options that the run would not heed.
    ("--rate 1 --step-tokens 9", "--step-tokens would do nothing: requests take a decoded token"),
    ("--rate 1 --policy static --every 9", "--every would do nothing: it is for the policy eplb"),
    ("--rate 1 --policy eplb --distance 1", "--distance would do nothing: it is for the policy"),
    ("--rate 1 --policy eplb --forecast none", "--forecast would do nothing: it is for the"),
    ("--rate 1 --forecast none --model m.h5", "--model would do nothing: no forecast is made"),
    ("--rate 1 --gap model --gap-seconds 1", "--gap model says what lies between layers"),
  ]) func wrongUseIsRefused(options: String, message: String) {
    expectWrongUse(
      ["simulate", "serverless", "trace.moe.lz4"] + options.split(separator: " ").map(String.init),
      message)
  }
}
