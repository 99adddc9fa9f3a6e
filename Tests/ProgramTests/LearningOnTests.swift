import Foundation
import TestSupport
import Testing

/// A model goes on with new traces, and what was learnt before is told.
struct LearningOnTests {
  private let folder: TemporaryFolder
  private let old: String

  init() throws {
    folder = try TemporaryFolder()
    old = folder.file("old.h5")
    _ = try Program.text([
      "train", Program.train, "--model", old, "--predictors", "layer-markov,mixture-fast",
    ])
  }

  /// What a run that succeeds says on standard error.
  private func complaint(_ arguments: [String]) throws -> String {
    try run(["bash", "-c", #"exec "$@" 2>&1 > /dev/null"#, "bash", BuiltProgram.path] + arguments)
  }

  private func failure(_ arguments: [String]) throws -> String {
    let error = #expect(throws: CommandError.self) { try Program.text(arguments) }
    return error?.description ?? ""
  }

  /// New figures over new traces, better than those of a model that begins with nothing; the older
  /// model stays as it was.
  @Test func fromAnOlderModel() throws {
    let before = try folder.bytes(of: "old.h5")
    let new = try Program.json(
      ["train", "--from", old, Program.test, "--model", folder.file("new.h5")])
    let cold = try Program.json(
      ["train", Program.test, "--predictors", "layer-markov,mixture-fast"])
    #expect(new["requests"].number == 21 && new["tokens"].number == 3_339)
    for (predictor, gain) in [("layer-markov", 0.005), ("mixture-fast", 0.02)] {
      let recall = [new, cold].map { $0["recall"]["all"][predictor]["8"].number }
      #expect(recall[0] > recall[1] + gain, "\(predictor): \(recall)")
    }
    #expect(try folder.bytes(of: "old.h5") == before)
    let facts = try Program.json(["inspect", "--verify", folder.file("new.h5")])
    #expect(facts["requests"].number == 56 && facts["tokens"].number == 10_024)
    #expect(facts["past"].array.count == 1 && facts["past"].array[0]["tokens"].number == 6_685)
    #expect(
      facts["accuracy"].array[1]["recall"]["8"].number
        == new["recall"]["all"]["mixture-fast"]["8"].number)
    let text = try Program.text(["inspect", folder.file("new.h5")])
    for line in [
      "from        an older model: 35 requests, 6,685 tokens, 14 chunks",
      "then        its own stream: 21 requests, 3,339 tokens, 7 chunks, of which the figures are",
    ] { #expect(text.contains(line + "\n"), "\(text)") }
  }

  /// Broken off and resumed, it comes to the same bytes, whatever the number of threads.
  @Test func itIsResumedToTheSameBytes() throws {
    let (whole, broken) = (folder.file("whole.h5"), folder.file("broken.h5"))
    let from = ["train", "--from", old, Program.test, "--quiet", "--model"]
    _ = try Program.text(from + [whole, "--workers", "2"])
    _ = try Program.text(from + [broken, "--stop-after", "3", "--workers", "1"])
    _ = try Program.text(["train", Program.test, "--quiet", "--model", broken, "--resume"])
    #expect(try folder.bytes(of: "broken.h5") == folder.bytes(of: "whole.h5"))
  }

  @Test func someOfThePredictorsGoOn() throws {
    let new = try Program.json([
      "train", "--from", old, Program.test, "--predictors", "mixture-fast", "--recall-at", "8",
    ])
    #expect(new["recall"]["all"].keys == ["mixture-fast"])
    let all = try Program.json(["train", "--from", old, Program.test])
    #expect(
      new["recall"]["all"]["mixture-fast"]["8"].number
        == all["recall"]["all"]["mixture-fast"]["8"].number)
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let model = folder.file("m.h5")
    #expect(
      try failure(["train", "--from", old, Program.test, "--model", model, "--resume"]).contains(
        "--from begins a new model and --resume goes on with the one in --output; leave one out"))
    #expect(
      try failure(["train", "--from", old, Program.test, "--predictors", "mixture"]).contains(
        "it has no predictor mixture, only layer-markov,mixture-fast; name some of these with "
          + "--predictors, or train without --from"))
    #expect(
      try failure(["train", "--from", old, Program.test, "--model", old]).contains(
        "would be replaced though it is an input"))
    let other = try otherTrace()
    #expect(
      try failure(["train", "--from", old, other, "--model", model]).contains(
        "it is a model of tiny-moe: 12 MoE layers, top-8 of 64 experts, the traces have small: 2 "
          + "MoE layers, top-1 of 8 experts; give traces of the same model, or train without --from"
      ))
    #expect(!FileManager.default.fileExists(atPath: model))
  }

  /// A trace of another model: two layers, top-1 of eight experts.
  private func otherTrace() throws -> String {
    let source = try folder.write(
      Array(#"[{"3": [[1], [2]], "5": [[7], [0]]}, {"3": [[4]], "5": [[6]]}]"#.utf8), to: "s.json")
    let trace = folder.file("small.moe.lz4")
    _ = try Program.text(["import", "--experts", "8", "--model", "small", "-o", trace, source])
    return trace
  }

  /// Neither `train` nor `merge` puts a model in the place of another model's.
  @Test func anotherModelsFileIsSpared() throws {
    let before = try folder.bytes(of: "old.h5")
    let (trace, small) = (try otherTrace(), folder.file("small.h5"))
    _ = try Program.text(["train", trace, "--predictors", "frequency", "--model", small])
    for command in [
      ["train", trace, "--predictors", "frequency", "--model", old], ["merge", small, "-o", old],
    ] {
      #expect(
        try failure(command).contains(
          "it holds a model of tiny-moe: 12 MoE layers, top-8 of 64 experts, which one of small: 2 "
            + "MoE layers, top-1 of 8 experts would replace; name another output, or use --force"))
      #expect(try folder.bytes(of: "old.h5") == before)
      _ = try Program.text(command + ["--force"])
      #expect(try folder.bytes(of: "old.h5.1") == before)
      try folder.write(before, to: "old.h5")
    }
  }

  /// Chunks that the model has learnt, and chunks that come twice, are told with the figures.
  @Test func whatWasLearntBeforeIsTold() throws {
    let evaluate = ["evaluate", "--quiet", "--model", old]
    #expect(
      try complaint(evaluate + [Program.train]) == """
        moecast: 14 of 14 chunks are ones that the model had learnt before; figures over them tell \
        what it remembers, not how it forecasts what is new

        """)
    #expect(
      try complaint(evaluate + ["--frozen", Program.test, Program.train]).contains(
        "14 of 21 chunks are ones that the model had learnt before; figures"))
    #expect(try complaint(evaluate + [Program.test]) == "")
    let json = try Program.json(evaluate + [Program.train, Program.test])
    expectAll(
      of: try JSONValue(parsing: #"{"chunks": 21, "learnt_before": 14, "repeated": 0}"#),
      in: json["known_chunks"])
    let model = folder.file("m.h5")
    let train = ["train", "--quiet", "--predictors", "frequency"]
    #expect(
      try complaint(train + [Program.test, Program.test, "--model", model]) == """
        moecast: 7 of 14 chunks come again in these traces, and they count twice in the model; \
        figures over them tell what is remembered, not how what is new is forecast

        """)
    #expect(
      try complaint([
        "train", "--quiet", "--from", model, Program.test, "--model", folder.file("n.h5"),
      ]).contains(
        "7 of 7 chunks are ones that the model had learnt before, and they count twice in it;"))
    #expect(try complaint(train + [Program.test]) == "")
    let compare = ["compare", "--predictors", "frequency", "--resamples", "0"]
    #expect(
      try complaint(compare + [Program.test, Program.test]).contains(
        "7 of 14 chunks come again in these traces; figures"))
    #expect(try complaint(compare + [Program.test]) == "")
    let compared = try Program.json(compare + [Program.test, Program.test])
    #expect(compared["known_chunks"]["repeated"].number == 7)
  }

  /// A merged model tells what it was trained on too: shards' digests go along.
  @Test func mergesKnowWhatTheirShardsLearnt() throws {
    let (other, merged) = (folder.file("other.h5"), folder.file("merged.h5"))
    _ = try Program.text([
      "train", Program.test, "--model", other, "--predictors", "layer-markov,mixture-fast",
    ])
    _ = try Program.text(["merge", other, old, "-o", merged])
    #expect(
      try complaint(["evaluate", "--quiet", "--frozen", "--model", merged, Program.test])
        .contains("7 of 7 chunks are ones that the model had learnt before"))
    let new = folder.file("new.h5")
    _ = try complaint(["train", "--quiet", "--from", merged, Program.test, "--model", new])
    let text = try Program.text(["inspect", new])
    #expect(
      text.contains("from        a merge of 2 streams: 56 requests, 10,024 tokens, 21 chunks"))
  }
}
