import TestSupport
import Testing

@testable import moecast

@Suite struct SimulateServicesTests {
  @Test(arguments: [
    ("--servers 0", "--servers '0' is none of whole numbers from 1"),
    ("--clients 0", "--clients is from 1 to 1,024"),
    ("--seconds 1 --rate 2", "give one of --seconds, --rate and --arrivals"),
    ("--requests 5", "--requests would do nothing: it is for --rate"),
    ("--day 5", "--day would do nothing: it is for --rate"),
    ("--rate 5 --day 5 --requests 2", "--requests would do nothing: --day says how many"),
    ("--rate 5 --swing .5", "--swing would do nothing: it is for --day"),
    ("--lose 0", "--lose is a number from 1 on"),
    ("--lose 2 --lose-at 1@2", "give one of --lose and --lose-at"),
    ("--lose-at 1", "--lose-at '1' is none of losses such as 3@0.5"),
    ("--lose-at x@2", "--lose-at 'x@2' is none of losses"),
    ("--replace-after 1", "--replace-after would do nothing: no server is lost"),
    ("--provision none", "--provision would do nothing: servers follow requests that arrive"),
    ("--rate 5 --window 2", "--window would do nothing: it is for --provision"),
    ("--rate 5 --provision best", "--provision 'best' is none of none, reactive, forecast, oracle"),
    (
      "--rate 5 --provision reactive --horizon 2",
      "--horizon would do nothing: it is for forecast and oracle"
    ),
    ("--rate 5 --provision none --utilisation .5", "--utilisation would do nothing: no policy"),
    ("--gap model --gap-seconds 1", "--gap model says what lies between layers"),
    ("--seed a", "--seed 'a' is none of whole numbers"),
  ]) func wrongUseIsRefused(options: String, message: String) {
    expectWrongUse(
      ["simulate", "services", "trace.moe.lz4"] + options.split(separator: " ").map(String.init),
      message)
  }
}
