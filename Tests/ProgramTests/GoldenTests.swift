import TestSupport
import Testing

/// The figures of the scripts in `Reference/` where Python is not there to compute them: exact
/// values over the traces in `models/`.
struct GoldenTests {
  /// Recall@1, @8, @16, @32 and log loss of all events, made by
  /// `python3 accuracy.py tiny-moe-train.moe.lz4 tiny-moe-test.moe.lz4`.
  private static let accuracy: [(run: String, predictor: String, recall: [Double], bits: Double)] =
    [
      (
        "train", "frequency",
        [0.021640488656195462, 0.15463568935427574, 0.2930706182996759, 0.5533548366990776],
        5.989841066447194
      ),
      (
        "train", "layer-markov",
        [0.08757479431563202, 0.49284156070805285, 0.706214161057093, 0.8908127648965345],
        5.3234682159295605
      ),
      (
        "train", "layer-product",
        [0.0962478184991274, 0.5396082647718773, 0.7509489528795812, 0.912362877088008],
        6.479465369285997
      ),
      (
        "train", "token-markov",
        [0.05519197207678883, 0.32859480179506356, 0.5227514958863126, 0.7673133258539018],
        5.6951523964145485
      ),
      (
        "frozen", "frequency",
        [0.018761854846760507, 0.14238918837975442, 0.2785046670659878, 0.5390461215932913],
        5.99351861533464
      ),
      (
        "frozen", "layer-markov",
        [0.08998452630528102, 0.5019810072876111, 0.7166442048517521, 0.8970032195268044],
        5.328186548879403
      ),
      (
        "frozen", "layer-product",
        [0.09692897074972547, 0.5414451682140361, 0.7528919586702606, 0.9150506638714185],
        6.150944979719073
      ),
      (
        "frozen", "token-markov",
        [0.055084481381651194, 0.33093116701607267, 0.5255565538584407, 0.7716756513926325],
        5.711075386630176
      ),
      (
        "learning", "frequency",
        [0.019048866926225417, 0.1450939652590596, 0.28287536188479584, 0.5429925376859339],
        5.9905728966132985
      ),
      (
        "learning", "layer-markov",
        [0.09146638215034442, 0.5085978835978836, 0.7224530797644005, 0.8993149146451033],
        5.322103694021366
      ),
      (
        "learning", "layer-product",
        [0.09754667065987821, 0.5449485874014176, 0.7567479035639413, 0.9166323500049915],
        6.116438388207603
      ),
      (
        "learning", "token-markov",
        [0.057024932614555254, 0.3378600129779375, 0.532987670959369, 0.7777964959568733],
        5.70537094717375
      ),
    ]

  @Test func accuracyOfTheCountingPredictors() throws {
    let folder = try TemporaryFolder()
    let model = folder.file("m.h5")
    let evaluate = ["evaluate", "--model", model, Program.test]
    let printed = [
      "train": try Program.json([
        "train", Program.train, "--model", model, "--predictors",
        Program.counting.joined(separator: ","),
      ]),
      "frozen": try Program.json(evaluate + ["--frozen"]),
      "learning": try Program.json(evaluate),
    ]
    for golden in Self.accuracy {
      let own = try #require(printed[golden.run])
      let place = Comment(rawValue: "\(golden.run), \(golden.predictor)")
      for (n, recall) in zip(["1", "8", "16", "32"], golden.recall) {
        #expect(abs(own["recall"]["all"][golden.predictor][n].number - recall) < 1e-9, place)
      }
      #expect(
        abs(own["log_loss_bits"]["all"][golden.predictor].number - golden.bits) < 1e-6, place)
    }
  }

  /// The SHA-256 of the tables, one behind the other, that `tables.py` found equal to its own counts, line by line.
  @Test func exportedCounts() throws {
    let folder = try TemporaryFolder()
    let (model, tables) = (folder.file("m.h5"), folder.file("tables"))
    _ = try Program.text([
      "train", Program.test, "--model", model, "--predictors",
      "frequency,layer-markov,token-markov",
    ])
    _ = try Program.text(["export", "--model", model, "--to", "csv", "-o", tables])
    let table = folder.file("all.csv")
    try run(
      "sh", "-c", "cat $1/frequency.csv $1/layer-markov.csv $1/token-markov.csv > $2", "sh", tables,
      table)
    #expect(
      try run("sha256sum", table).prefix(64)
        == "f8f3c4db9959ae47766d42ed9597acb7223299038ad885984c446b4c4aa0ddd7")
  }

  /// Made by `python3 caches.py tiny-moe-test.moe.lz4 decode 5 25`.
  @Test func hitRates() throws {
    let lines = try Program.json([
      "simulate", "cache", Program.test, "--capacity", "5,25", "--batch", "1",
    ]).array
    let rates = lines.filter { !($0["policy"].text ?? "").contains("ahead") }
    let golden = [
      0, 0.06125730994152047, 0.287781954887218, 0.43028404344193816, 0.2913220551378446,
      0.714139515455305,
    ]
    try #require(rates.count == golden.count)
    for (line, rate) in zip(rates, golden) { #expect(abs(line["hit_rate"].number - rate) < 1e-12) }
  }
}
