import TestSupport
import Testing

/// `simulate services` as its users start it.
struct ServicesTests {
  private static let small = [
    "simulate", "services", Program.test, "--capacity", "96", "--clients", "2", "--batch", "8",
    "--gap-seconds", "1e-3",
  ]

  @Test func lossesAreTold() throws {
    let arguments =
      Self.small + ["--servers", "10,12", "--seconds", ".2", "--lose", "2", "--seed", "1,2"]
    let rows = try Program.json(arguments).array
    try #require(rows.count == 4)
    #expect(rows.map(\.["servers"].number) == [10, 10, 12, 12])
    #expect(rows.map(\.["seed"].number) == [1, 2, 1, 2])
    for row in rows {
      // Tiny-moe has 12 layers of top-8 of 64.
      let (choices, messages) = (row["choices"], row["messages"])
      #expect(choices["asked"].number == row["tokens"].number * 12 * 8)
      #expect(choices["answered"].number == choices["asked"].number)
      let ends = ["heeded", "ignored", "refused", "lost"].map { messages[$0].number }
      #expect(messages["sent"].number == ends.reduce(0, +))
      #expect(row["lost"].number == 2 && row["core_servers"].number == 8)
      #expect(row["most_held"].number <= row["capacity"].number)
      #expect((0..<1).contains(row["lost_throughput"].number))
      #expect(row["mean_servers"].number < row["servers"].number)
      #expect(row["saved"].isNull && row["per_token_p50_seconds"].isNull)
    }
    #expect(try Program.text(arguments) == Program.text(arguments + ["--workers", "1"]))
  }

  @Test func provisioningIsTold() throws {
    let rows = try Program.json(
      Self.small + [
        "--servers", "10", "--rate", "400", "--day", ".2", "--provision", "none,reactive,oracle",
        "--window", ".05", "--utilisation", ".01",
      ]
    ).array
    #expect(rows.map(\.["provision"].text) == ["none", "reactive", "oracle"])
    for row in rows {
      let windows = row["windows"].array
      try #require(windows.count == 4)
      let arrived = windows.map(\.["arrived"].number)
      #expect(arrived.reduce(0, +) == row["requests"].number)
      #expect(windows[0]["servers"].number == 10 && row["lost_throughput"].isNull)
      #expect(row["per_token_p50_seconds"].number <= row["per_token_p99_seconds"].number)
    }
    #expect(abs(rows[0]["saved"].number) < 1e-9 && rows[0]["windows"][1]["expected"].isNull)
    #expect(rows[1]["windows"][1]["expected"].number == rows[1]["windows"][0]["arrived"].number)
    #expect(rows[2]["windows"][1]["expected"].number == rows[2]["windows"][1]["arrived"].number)
  }

  @Test(arguments: [
    (["--servers", "7"], "7 servers of 96 experts have no room for all 768"),
    (
      ["--servers", "9", "--lose", "2"],
      "after 2 losses 7 servers are left with room for 672 of 768"
    ),
    (["--servers", "9", "--lose", "10"], "10 of 9 servers cannot be lost"),
    (["--lose-at", "16@1"], "server 16 cannot be lost: the 16 servers are numbered from 0"),
    (["--lose-at", "3@5"], "server 3 is lost after 5.0 s, when the traffic of 2.0 s is over"),
    (["--wafer", "nvlink-8,dojo"], "--wafer is one system here"),
  ])
  func whatCannotBeIsRefused(options: [String], message: String) {
    let error = #expect(throws: CommandError.self) { try Program.text(Self.small + options) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }
}
