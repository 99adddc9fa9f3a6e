import Spelling
import Testing

@Suite struct SpellingTests {
  @Test(arguments: [
    ("trian", ["train"]), ("mixtur", ["mixture"]), ("evalaute", ["evaluate"]), ("zzz", []),
    ("train", ["train"]),
  ]) func aNearWordIsMeant(word: String, meant: [String]) {
    #expect(likely(word, among: ["train", "evaluate", "mixture", "merge"]) == meant)
  }

  /// Words that share parts are near where no word differs in few letters.
  @Test func sharedPartsCount() {
    #expect(likely("hbm_speed", among: ["hbm_latency", "rows", "hbm_size"]).count == 2)
  }
}
