import Testing

@testable import moecast

/// What `simulate offload` refuses before it reads anything.
struct SimulateOffloadTests {
  @Test(arguments: [
    ("--policy fifo", "--policy 'fifo' is none of on-demand, lru, promoe, staged"),
    ("--capacity 0", "--capacity '0' is none of numbers above 0, at most 100"),
    ("--capacity 101", "--capacity '101' is none of"),
    ("--policy lru --forecast oracle", "--forecast would do nothing: it is for the policies"),
    ("--policy lru --stride 2", "--stride would do nothing: it is for the policies"),
    ("--policy lru,staged --ask-late", "--ask-late would do nothing: it is for the policy promoe"),
    ("--policy lru --in-order", "--in-order would do nothing: it is for the policy promoe"),
    ("--stride 5", "--stride is from 1 to 4"),
    ("--stride 0", "--stride is from 1 to 4"),
    ("--chunk-bytes 0", "--chunk-bytes is above 0"),
    ("--forecast tarot", "--forecast 'tarot' is none of layer-markov, none, "),
    ("--gap model --gap-seconds 1", "--gap model says what lies between layers"),
    ("--heatmap in-sample", "--heatmap would do nothing"),
    ("--steps 4 --warm-steps 4", "--steps must be above --warm-steps"),
    ("--policy lru --model m.h5", "--model would do nothing"),
    (
      "--stage prefill --prefill-chunk 8 --forecast layer-markov",
      "--forecast layer-markov follows requests token by token"
    ),
  ]) func wrongUseIsRefused(options: String, message: String) {
    expectWrongUse(
      ["simulate", "offload", "trace.moe.lz4"] + options.split(separator: " ").map(String.init),
      message)
  }
}
