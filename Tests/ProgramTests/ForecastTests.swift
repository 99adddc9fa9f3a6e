import Foundation
import TestSupport
import Testing

/// `forecast`: what stands in its files, beside what `evaluate` says of the same forecasts.
struct ForecastTests {
  /// Recall@8 of the held-out trace by what the file tells, in numpy; and of the other two formats
  /// whether they tell the same.
  private static let script = """
    import csv, json, sys, numpy as np
    npz, jsonl, table = sys.argv[1:]
    z = dict(np.load(npz))
    ids, chosen = z["ids"], z["chosen"]
    hits = sum(len(np.intersect1d(i[:8], c)) for i, c in zip(ids, chosen))
    lines = [json.loads(line) for line in open(jsonl)]
    rows = list(csv.DictReader(open(table)))
    def same(i, request, token, stage, layer, horizon, experts, chances, chosen):
      return (request == z["request"][i] and token == z["token"][i] and layer == z["layer"][i]
        and (stage == "decode") == bool(z["stage"][i]) and horizon == z["horizon"][i]
        and experts == ids[i].tolist() and np.float32(chances).tolist() == z["chances"][i].tolist()
        and chosen == [c for c in z["chosen"][i].tolist() if c >= 0])
    equal = len(lines) == len(rows) == len(ids)
    for i, (a, b) in enumerate(zip(lines, rows)):
      equal &= same(i, **a)
      split = lambda kind, text: [kind(x) for x in text.split()]
      equal &= same(i, int(b["request"]), int(b["token"]), b["stage"], int(b["layer"]),
        int(b["horizon"]), split(int, b["experts"]), split(float, b["chances"]),
        split(int, b["chosen"]))
    print(json.dumps({"events": len(ids), "equal": bool(equal), "recall": hits / (chosen >= 0).sum(),
      "n": ids.shape[1]}))
    """

  @Test(.enabled(if: Python.has("numpy"), "\(Python.absence("numpy"))"))
  func filesTellWhatEvaluateScores() throws {
    let folder = try TemporaryFolder()
    let files = ["f.npz", "f.jsonl", "f.csv"].map { folder.file($0) }
    for file in files {
      _ = try Program.text(["forecast", "--model", Program.model, Program.test, "-o", file])
    }
    let told = try JSONValue(parsing: Python.run(Self.script, files[0], files[1], files[2]))
    let figures = try Program.json(["evaluate", "--frozen", "--model", Program.model, Program.test])
    #expect(told["events"].number == 40_068)
    #expect(told["n"].number == 16)
    if case .flag(let equal) = told["equal"] { #expect(equal) } else { Issue.record("no answer") }
    #expect(told["recall"].number == figures["recall"]["all"]["mixture"]["8"].number)
  }

  /// Asked line by line, the same is answered.
  @Test(.enabled(if: Python.has("json"), "\(Python.absence("json"))"))
  func askedLineByLineItAnswersTheSame() throws {
    let folder = try TemporaryFolder()
    let file = folder.file("f.jsonl")
    for learn in [[], ["--learn"]] {
      _ = try Program.text(
        ["forecast", "--model", Program.model, Program.test, "-o", file, "--force"] + learn)
      let answer = try Python.run(
        """
        import json, subprocess, sys
        program, model, path, *more = sys.argv[1:]
        door = subprocess.Popen([program, "forecast", "--model", model, "--live"] + more,
          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        def ask(**question):
          door.stdin.write(json.dumps(question) + "\\n")
          door.stdin.flush()
          return json.loads(door.stdout.readline())
        lines = [json.loads(line) for line in open(path)][:12 * 60]
        asked = 0
        for i, line in enumerate(lines):
          chosen = line.pop("chosen")
          if line["layer"] == 0: answer = ask(request=line["request"], stage=line["stage"])
          assert answer == line, (answer, line)
          answer = ask(request=line["request"], layer=line["layer"], experts=chosen)
          asked += 1
          if line["layer"] == 11: assert answer["closed"], answer
        door.stdin.close()
        print(asked, door.wait())
        """, BuiltProgram.path, Program.model, file, learn.first ?? "--top=16")
      #expect(answer == "720 0\n")
    }
  }

  @Test(arguments: [
    (["--live", "x.moe.lz4"], "a trace would do nothing with --live"),
    (["--live", "--every", "2"], "--every would do nothing with --live"),
    (["x.moe.lz4"], "give -o FILE"), (["-o", "f"], "name traces"),
    (["x.moe.lz4", "-o", "f", "--to", "xml"], "--to xml is not known; one of jsonl, csv, npz"),
    ([Program.test, "-o", "f", "--predictor", "oracle"], "--predictor oracle is not in"),
    ([Program.test, "-o", "f", "--layers", "99"], "--layers: 99 is no MoE layer of the model"),
  ])
  func wrongUseIsRefused(_ arguments: [String], problem: String) throws {
    let refusal = #expect(throws: CommandError.self) {
      try Program.text(["forecast", "--model", Program.model] + arguments)
    }
    #expect(refusal?.description.contains(problem) == true, "\(refusal?.description ?? "")")
  }
}
