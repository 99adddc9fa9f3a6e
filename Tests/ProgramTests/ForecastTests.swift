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

  /// A batch of one is the request's own forecast; of larger ones the line says what was told.
  @Test(.enabled(if: Python.has("numpy"), "\(Python.absence("numpy"))"))
  func batchesTellTheUnionOfTheirTokens() throws {
    let folder = try TemporaryFolder()
    let (plain, one) = (folder.file("f.npz"), folder.file("1.npz"))
    let forecast = ["forecast", "--model", Program.model, Program.test, "--layers", "2,9"]
    _ = try Program.text(forecast + ["-o", plain])
    _ = try Program.text(forecast + ["-o", one, "--batch", "1"])
    let some = try run(
      ["sh", "-c", "\"$@\" 2>&1", "sh", BuiltProgram.path] + forecast
        + ["--batch", "5", "--above", "0.5", "-o", folder.file("5.npz")])
    let answer = try Python.run(
      """
      import numpy as np, sys
      plain, one, five = (np.load(f) for f in sys.argv[1:4])
      told = [set(r[r >= 0].tolist()) for r in five["ids"]]
      chosen = [set(r[r >= 0].tolist()) for r in five["chosen"]]
      assert (plain["ids"] == one["ids"]).all() and (plain["layer"] == one["layer"]).all()
      assert (np.sort(plain["chosen"]) == np.sort(one["chosen"])).all()
      assert five["chances"][five["ids"] >= 0].min() >= 0.5 and five["requests"].max() == 5
      hits = sum(len(a & b) for a, b in zip(told, chosen))
      print("%.4f with %.1f experts" % (hits / sum(map(len, chosen)), np.mean([len(t) for t in told])))
      """, plain, one, folder.file("5.npz"))
    #expect(
      some.contains("recall of the union " + answer.dropLast()), "\(some) is not \(answer)")
  }

  /// A simulator replays loads of whole batches, forecast[step][layer][expert]: right ones bring only
  /// what is read, none bring nothing; those of another model are refused.
  @Test(.enabled(if: Python.has("numpy"), "\(Python.absence("numpy"))"))
  func simulatorsReplayLoads() throws {
    let folder = try TemporaryFolder()
    let told = folder.file("f.jsonl")
    _ = try Program.text(
      ["forecast", "--model", Program.model, Program.test, "--top", "1", "-o", told])
    let files = ["right", "nothing", "flat"].map { folder.file($0 + ".npz") }
    _ = try Python.run(
      """
      import json, sys
      import numpy as np
      requests, layers = {}, {}
      for line in map(json.loads, open(sys.argv[1])):
        if line["stage"] == "decode":
          layer = layers.setdefault(line["layer"], len(layers))
          token = requests.setdefault(line["request"], {}).setdefault(line["token"], {})
          token[layer] = line["chosen"]
      loads = np.zeros((16, len(layers), 64), "f4")
      # Replayed: slot v decodes request v from its first token on.
      for tokens in list(requests.values())[:4]:
        tokens = list(tokens.values())
        for step in range(16):
          for layer, experts in tokens[step % len(tokens)].items():
            loads[step, layer, experts] += 1
      np.savez(sys.argv[2], forecast=loads)
      np.savez(sys.argv[3], forecast=np.zeros_like(loads, "i4"))
      np.savez(sys.argv[4], forecast=loads[0])
      """, told, files[0], files[1], files[2])
    let arguments = [
      "simulate", "--wafer", "pcie-1", "--batch", "4", "--steps", "16", "--strategy", "staged",
      "--batching", "replay", "--gap-seconds", "1e-5", "--no-hold-back", Program.test, "--forecast",
    ]
    let rows = try Program.json(arguments + ["none,\(files[0]),\(files[1])"]).array
    try #require(rows.count == 3)
    let seconds = rows.map(\.["mean_layer_seconds"].number)
    #expect(seconds[1] < seconds[0] && seconds[1] < seconds[2])
    #expect(rows[1]["staging"]["precision"].number > 0.99)
    // Who expects nothing keeps nothing, and brings nothing.
    for key in ["fills", "local", "staged_on_time", "transfers_used", "transfers_wasted"] {
      #expect(rows[2]["staging"][key].number == 0, "\(key)")
    }
    let refusal = #expect(throws: CommandError.self) { try Program.text(arguments + [files[2]]) }
    #expect(refusal?.description.contains("has 2 axes, not 3: steps, layers and experts") == true)
  }

  /// Simulators stage by a file as by the forecast it was written from: by a perfect one.
  @Test(.enabled(if: Python.has("json"), "\(Python.absence("json"))"))
  func simulatorsReplayFiles() throws {
    let folder = try TemporaryFolder()
    let (told, perfect) = (folder.file("f.jsonl"), folder.file("perfect.jsonl"))
    _ = try Program.text(
      ["forecast", "--model", Program.model, Program.test, "--top", "1", "-o", told])
    _ = try Python.run(
      """
      import json, sys
      with open(sys.argv[2], "w") as out:
        for line in map(json.loads, open(sys.argv[1])):
          for horizon in 0, 1:
            event = {key: line[key] for key in ("request", "token", "layer")}
            print(json.dumps(event | {"horizon": horizon, "experts": line["chosen"]}), file=out)
      """, told, perfect)
    let rows = try Program.json(
      ["simulate", "--wafer", "pcie-1", "--batch", "4", "--steps", "16", "--strategy", "staged"]
        + ["--gap-seconds", "1e-5", "--no-hold-back", Program.test, "--forecast"]
        + ["none,oracle,\(perfect),\(told)"]
    ).array
    #expect(rows.count == 4)
    // The oracle is trusted, and knows when an expert is read after the next step; a file is not,
    // and tells of one step.
    let seconds = rows.map(\.["mean_layer_seconds"].number)
    #expect(seconds[0] > seconds[2] && seconds[2] >= seconds[1])
    #expect(rows[2]["staging"]["precision"].number > 0.99)
    #expect(rows[3]["forecast"].text == told)
    let refusal = #expect(throws: CommandError.self) {
      try Program.text(
        ["simulate", "--strategy", "staged", "--forecast", told, Program.train])
    }
    #expect(
      refusal?.description.contains("line ") == true
        && refusal?.description.contains("give the very traces") == true)
  }

  @Test(arguments: [
    (["--batch", "0", "x.moe.lz4", "-o", "f"], "--batch is a number from 1"),
    (["--batch", "9999", Program.test, "-o", "f"], "follows 4096 requests at a time"),
    (["--live", "--batch", "2"], "--batch would do nothing with --live"),
    (["--live", "x.moe.lz4"], "a trace would do nothing with --live"),
    (["--live", "--every", "2"], "--every would do nothing with --live"),
    (["x.moe.lz4"], "give -o FILE"), (["-o", "f"], "name traces"),
    (["x.moe.lz4", "-o", "f", "--to", "xml"], "--to xml is not known; one of jsonl, csv, npz"),
    ([Program.test, "-o", "f", "--predictors", "oracle"], "--predictors oracle is not in"),
    ([Program.test, "-o", "f", "--layers", "99"], "--layers: 99 is no MoE layer of the model"),
  ])
  func wrongUseIsRefused(_ arguments: [String], problem: String) throws {
    let refusal = #expect(throws: CommandError.self) {
      try Program.text(["forecast", "--model", Program.model] + arguments)
    }
    #expect(refusal?.description.contains(problem) == true, "\(refusal?.description ?? "")")
  }
}
