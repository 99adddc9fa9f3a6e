import TestSupport
import Testing

/// What the program prints of mixtures.
struct MixtureTests {
  /// Every mixture is followed by itself without each of its own parts, and the part is gone.
  @Test(arguments: [
    ("mixture-fast", ["layer", "recent", "linear"]),
    ("mixture:only-layer:with-pairs", ["layer", "pairs"]),
  ]) func ablationsNameTheirParts(name: String, parts: [String]) throws {
    let json = try Program.json([
      "compare", "--ablate", "--predictors", "frequency,\(name)", "--resamples", "0", Program.test,
    ])
    let ablated = parts.map { "\(name):without-\($0)" }
    #expect(
      json["lines"].array.filter { $0["stage"].text == "all" }.map(\.["predictor"].text)
        == ["frequency", name] + ablated)
    let weights = json["layers"]["layers"][0]["weights"]
    let weighed = weights[name].keys
    for (part, without) in zip(parts, ablated) {
      let alone = try Program.json([
        "compare", "--predictors", without, "--resamples", "0", Program.test,
      ])
      expectAll(
        of: alone["layers"]["recall"]["all"][without],
        in: json["layers"]["recall"]["all"][without], at: without)
      // The regression has no weight of its own.
      guard part != "linear" else { continue }
      #expect(weighed.contains(part))
      #expect(weights[without].keys == weighed.subtracting([part]))
    }
  }

  /// Recall@1, @8, @16, @32 and log loss of all events of the held-out trace with the model as
  /// shipped. Made by the program itself on 2026-11-25, when its mixtures were equal, to the bit,
  /// to the kernels in C that `make bench` holds them against.
  private static let frozen = [
    0.11513239992013577, 0.7240784416491963, 0.9042034790855545, 0.97376959169412,
    4.110343948983974,
  ]
  private static let learning = [
    0.11716956174503344, 0.754130478187082, 0.9210467205750225, 0.979191624238794,
    3.9884217331806817,
  ]

  @Test(arguments: [(true, Self.frozen), (false, Self.learning)])
  func theShippedModelsAccuracy(isFrozen: Bool, golden: [Double]) throws {
    let json = try Program.json(
      ["evaluate", "--model", Program.model, Program.test] + (isFrozen ? ["--frozen"] : []))
    let figures =
      ["1", "8", "16", "32"].map { json["recall"]["all"]["mixture"][$0].number }
      + [json["log_loss_bits"]["all"]["mixture"].number]
    for (figure, value) in zip(figures, golden) { #expect(abs(figure - value) < 1e-9) }
  }
}
