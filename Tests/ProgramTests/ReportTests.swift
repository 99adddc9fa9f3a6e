import Foundation
import RoutingTrace
import TestSupport
import Testing

/// `report`: its figures against numpy, and what else its page promises.
@Suite struct ReportTests {
  /// The figures of a report's JSON by their names.
  private static func figures(_ report: JSONValue) -> [String: JSONValue] {
    Dictionary(
      report["figures"].array.map { ($0["id"].text ?? "", $0) },
      uniquingKeysWith: { first, _ in first })
  }

  @Test(.enabled(if: Reference.isPresent, "\(Reference.absence)"))
  func figuresAreThoseOfNumpy() throws {
    let folder = try TemporaryFolder()
    let forecasts = folder.file("f.npz")
    _ = try Program.text(
      ["forecast", "--model", Program.model, "--predictor", "mixture", "--top", "64"]
        + [Program.test, "-o", forecasts])
    let expected = try Reference.json("report.py", [Program.test, forecasts, Program.train])
    let printed = try Program.json(
      ["report", Program.model, Program.test, "--sections", "observations,forecast"])
    let figures = Self.figures(printed)
    var compared = 0
    for id in expected.keys {
      let (ours, theirs) = (try #require(figures[id], "\(id)")["rows"].array, expected[id].array)
      #expect(ours.count == theirs.count, "\(id)")
      for (own, other) in zip(ours, theirs) {
        for (cell, reference) in zip(own.array, other.array) {
          if let text = reference.text {
            #expect(cell.text == text, "\(id)")
          } else if reference.isNull {
            #expect(cell.isNull, "\(id)")
          } else {
            let difference = abs(cell.number - reference.number)
            #expect(
              difference <= 1e-9 * max(1, abs(reference.number)),
              "\(id): \(cell.number), numpy \(reference.number)")
            compared += 1
          }
        }
      }
    }
    #expect(expected.keys.count == 13 && compared > 2000)
  }

  /// What the forecast's figures say by layer is what `evaluate` says.
  @Test func recallByLayerIsThatOfEvaluate() throws {
    let report = try Program.json(
      ["report", Program.model, Program.test, "--sections", "forecast"])
    let told = try Program.json(
      ["evaluate", "--model", Program.model, "--frozen", "--quiet", Program.test])
    let rows = try #require(Self.figures(report)["recall-by-stage"])["rows"].array
    #expect(rows.count == 24)
    for row in rows {
      let layer = told["layers"].array.first { $0["layer"].number == row[1].number }
      let recall = layer?["recall"][row[0].text ?? ""]["mixture"]["8"].number ?? .nan
      #expect(abs(recall - row[2].number) < 1e-12)
    }
    #expect(
      report["findings"].array.first?["measured"].number
        == told["recall"]["all"]["mixture"]["8"].number)
    // It has learnt none of these chunks, and says so; of those that it has learnt it says that.
    #expect(report["remarks"].array.isEmpty)
    let own = try Program.json(["report", Program.model, Program.train, "--sections", "forecast"])
    #expect(
      own["remarks"][0].text?.hasPrefix("In-sample: the model has learnt 14 of these 14") == true)
    #expect(own["findings"][0]["text"].text?.contains("In-sample: 14 of 14 chunks") == true)
  }

  /// Tags that close, names that stand once, nothing from elsewhere, the same bytes whatever the
  /// workers.
  @Test(.enabled(if: Python.has("html.parser"), "\(Python.absence("html.parser"))"))
  func thePageStandsAlone() throws {
    let folder = try TemporaryFolder()
    let pages = try [1, 2].map { workers in
      let page = folder.file("\(workers).html")
      _ = try Program.text(
        ["report", Program.test, "-o", page, "--workers", "\(workers)", "--date", "a < day"])
      return String(decoding: try folder.bytes(of: "\(workers).html"), as: UTF8.self)
        .replacing("\(workers).html", with: "N.html")
    }
    #expect(pages[0] == pages[1])
    let page = pages[0]
    #expect(page.contains("<h1>Routing of tiny-moe</h1>") && page.contains("<dd>a &lt; day</dd>"))
    for part in ["1 From layer to layer", "6 Tasks", "Reuse distances", "Calibration", "Roofline"] {
      #expect(page.contains(part), "\(part)")
    }
    // Numbers in tables are for people.
    #expect(page.contains("Roofline") && !page.contains(#/<td[^>]*>[0-9]{8,}/#))
    let printed = try Python.run(
      """
      import re, sys
      from html.parser import HTMLParser
      class Checked(HTMLParser):
          open, ids, figures, outside = [], [], 0, []
          def handle_starttag(self, tag, attributes):
              if tag in ("meta", "input"): return
              self.open.append(tag)
              self.figures += tag == "figure"
              self.note(attributes)
          def handle_startendtag(self, tag, attributes): self.note(attributes)
          def handle_endtag(self, tag): assert self.open.pop() == tag, tag
          def note(self, attributes):
              self.ids += [value for name, value in attributes if name == "id"]
              self.outside += [v for n, v in attributes if n in ("href", "src") and not v.startswith(("#", "data:"))]
      text = open(sys.argv[1]).read()
      page = Checked()
      page.feed(text)
      print(page.open, page.figures > 30, len(page.ids) == len(set(page.ids)), page.outside, len(re.findall("url\\\\((?!#)", text)))
      """, folder.file("1.html"))
    #expect(printed == "[] True True [] 0\n")
  }

  /// The largest shape: 58 layers of 256 experts.
  @Test func aLargeModelStaysBelowThreeMegabytes() throws {
    let folder = try TemporaryFolder()
    let shape = try TraceShape(model: "large", modelLayers: Array(3..<61), experts: 256, topK: 8)
    var random = SplitMix64(seed: 5)
    let requests = (0..<4).map { number in
      RequestTrace.random(
        shape: shape, prefill: 60, decode: 60, task: number % 2 == 0 ? "math" : "code",
        using: &random)
    }
    let trace = try folder.write(try traceBytes(of: requests, shape: shape), to: "l.moe.lz4")
    _ = try Program.text(
      ["report", trace, "--sections", "observations", "-o", folder.file("l.html")])
    let size = try folder.bytes(of: "l.html").count
    #expect(size < 3_000_000 && size > 200_000, "\(size) bytes")
  }

  /// Of one expert a token, words are those of one.
  @Test func oneExpertIsToldAsOne() throws {
    let folder = try TemporaryFolder()
    let shape = try TraceShape(model: "one", modelLayers: [0, 1], experts: 8, topK: 1)
    var random = SplitMix64(seed: 7)
    let request = RequestTrace.random(
      shape: shape, prefill: 20, decode: 20, task: "math", using: &random)
    let trace = try folder.write(try traceBytes(of: [request], shape: shape), to: "o.moe.lz4")
    let report = try Program.json(["report", trace, "--sections", "forecast"])
    let sentence = report["findings"][0]["sentence"].text
    #expect(sentence?.hasSuffix("of the chosen experts are the one that was expected.") == true)
  }

  /// A file a figure; those that JSON has too hold the same.
  @Test func tablesHoldWhatJSONHolds() throws {
    let folder = try TemporaryFolder()
    let tables = folder.file("tables")
    let report = try Program.json(
      ["report", Program.test, "--sections", "observations", "--csv", tables])
    let figures = Self.figures(report)
    #expect(
      Set(try FileManager.default.contentsOfDirectory(atPath: tables))
        == Set(figures.keys.map { $0 + ".csv" }))
    let lines = try String(contentsOfFile: tables + "/gini.csv", encoding: .utf8)
      .split(separator: "\n")
    let rows = try #require(figures["gini"])["rows"].array
    #expect(lines.first == "series,layer,value" && lines.count == rows.count + 1)
    for (line, row) in zip(lines.dropFirst(), rows) {
      let cells = line.split(separator: ",")
      #expect(String(cells[0]) == row[0].text && Double(cells[2]) == row[2].number)
    }
    // A map of every layer is a table of its own alone.
    #expect(figures["layer-map"]?["rows"].isNull == true)
    let map = try String(contentsOfFile: tables + "/layer-map.csv", encoding: .utf8)
    #expect(map.split(separator: "\n").count == 1 + 11 * 64 * 64)
  }

  /// A picture a figure, each a file that needs no other: well formed, with its title, its legend and
  /// colours of its own.
  @Test(.enabled(if: Python.has("xml.etree"), "\(Python.absence("xml.etree"))"))
  func picturesStandAlone() throws {
    let folder = try TemporaryFolder()
    let pictures = folder.file("pictures")
    let report = try Program.json(
      ["report", Program.test, "--sections", "observations", "--svg", pictures])
    #expect(
      Set(try FileManager.default.contentsOfDirectory(atPath: pictures))
        == Set(Self.figures(report).keys.map { $0 + ".svg" }))
    let printed = try Python.run(
      """
      import glob, re, sys
      from xml.etree import ElementTree
      for path in glob.glob(sys.argv[1] + "/*.svg"):
          text = open(path).read()
          root = ElementTree.fromstring(text)
          used = set(re.findall(r"var\\((--[a-z0-9]+)\\)", text))
          assert root.tag == "{http://www.w3.org/2000/svg}svg" and float(root.get("height")) > 60, path
          assert used <= set(re.findall(r"(--[a-z0-9]+):", text)), path
          assert not re.search("https?://(?!www.w3.org/)", text) and "prefers-color-scheme: dark" in text
      print(root.get("aria-label") is not None)
      """, pictures)
    #expect(printed == "True\n")
    let gini = try String(contentsOfFile: pictures + "/gini.svg", encoding: .utf8)
    #expect(gini.contains(">prefill</text>") && gini.contains(">decode</text>"))
    // What stands there stays.
    #expect(throws: CommandError.self) {
      try Program.text(
        ["report", Program.test, "--sections", "observations", "--svg", pictures])
    }
  }

  /// Counts of shards have observations, the same as those of their traces, and no order of tokens.
  @Test func sumsOfShardsHaveObservations() throws {
    let folder = try TemporaryFolder()
    let sums = try [Program.train, Program.test].enumerated().map { number, trace in
      let file = folder.file("\(number).npz")
      _ = try Program.text(["analyze", trace, "--partial", file])
      return file
    }
    let own = Self.figures(
      try Program.json(["report", Program.train, Program.test, "--sections", "observations"]))
    let report = try Program.json(["report"] + sums)
    let figures = Self.figures(report)
    #expect(figures.count > 10)
    #expect(Set(own.keys).subtracting(figures.keys) == ["reuse-by-layer", "reuse-by-token"])
    #expect(
      figures["gini"]?["rows"].array.map { $0[2].number }
        == own["gini"]?["rows"].array.map { $0[2].number })
    #expect(report["provenance"]["inputs"][0]["kind"].text == "sums of a shard")
  }

  @Test func aModelAloneTellsWhatItNoted() throws {
    let report = try Program.json(["report", Program.model])
    let figures = Self.figures(report)
    #expect(figures["learning-curve"]?["rows"].array.isEmpty == false)
    #expect(figures["weights-mean"] != nil && figures["reliability"] == nil)
    #expect(figures["layer-to-layer"] == nil)
    #expect(report["provenance"]["inputs"][0]["kind"].text == "model")
  }

  @Test(arguments: [
    (["report", "TEST"], "give -o FILE for the page, --csv FOLDER, --svg FOLDER or --json"),
    (["report", "TEST", "--json", "-o", "-"], "both want standard output"),
    (
      ["report", "TEST", "--json", "--sections", "forecast", "--batch", "4"],
      "--batch would do nothing"
    ),
    (["report", "TEST", "--json", "--force"], "--force is for the file of --output"),
    (["report", "MODEL", "MODEL", "--json"], "a report is of one model at most"),
    (["report", "MODEL", "--json", "--sections", "wafer"], "a model alone has a forecast only"),
    (["report", "MODEL", "--json", "--batch", "4"], "--batch would do nothing"),
    (["report", "TEST", "SUMS", "--json"], "give sums alone, or traces alone"),
    (["report", "SUMS", "MODEL", "--json"], "hold no tokens"),
    (["report", "SUMS", "--json", "--sections", "forecast"], "have observations only"),
    (["report", "SUMS", "--json", "--batch", "4"], "--batch would do nothing"),
    (["analyze", "TEST", "-o", "page.html"], "-o page.html"),
  ])
  func whatMakesNoSenseIsRefused(arguments: [String], words: String) throws {
    let folder = try TemporaryFolder()
    let sums = folder.file("sums.npz")
    if arguments.contains("SUMS") {
      _ = try Program.text(["analyze", Program.test, "--partial", sums])
    }
    let files = ["TEST": Program.test, "MODEL": Program.model, "SUMS": sums]
    let named = arguments.map { files[$0] ?? $0 }
    let error = #expect(throws: CommandError.self) { try Program.text(named) }
    #expect("\(error.map(String.init(describing:)) ?? "")".contains(words))
  }
}
