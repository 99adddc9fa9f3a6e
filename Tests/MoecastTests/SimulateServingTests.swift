import Serving
import TestSupport
import Testing

@testable import moecast

@Suite struct SimulateServingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func seconds(_ text: String) throws -> [Double] {
    try ArrivalFile(try folder.write(Array(text.utf8), to: "arrivals.txt")).arrivals.seconds
  }

  @Test(arguments: [
    ("0.5\n2\n1e0\n", [0.5, 1, 2]),
    ("\u{FEFF}3\r\n\r\n4", [3, 4]),
    ("id,arrived_at\n7,1.5\n8, 0.25\n", [0.25, 1.5]),
    // As Azure's public traces have them: seconds from the first.
    (
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 23:59:59.5,4808,10\n"
        + "2023-11-17 00:00:01.2500000,3180,8\n", [0, 1.75]
    ),
    ("TIMESTAMP\n2024-02-28T00:00:00Z\n2024-03-01T00:00:00Z\n", [0, 172_800]),
  ]) func arrivalsAreRead(text: String, expected: [Double]) throws {
    let read = try seconds(text)
    #expect(read.count == expected.count)
    for (time, wanted) in zip(read, expected) { #expect(abs(time - wanted) < 1e-6) }
  }

  @Test(arguments: [
    ("", "has no line"),
    ("soon\n", "line 1: is no number, and no column is called arrived_at or TIMESTAMP"),
    ("1\n-2\n", "line 2: '-2' is no time; give seconds from 0 on"),
    ("1\nnan\n", "line 2: 'nan' is no time"),
    ("id,arrived_at\n7\n", "line 2: '' is no time"),
    ("TIMESTAMP\n2023-13-16 18:17:03\n", "line 2: '2023-13-16 18:17:03' is no time; dates are as"),
  ]) func badArrivalsAreNamed(text: String, problem: String) throws {
    let error = #expect(throws: ArrivalFileError.self) { _ = try seconds(text) }
    #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("arrivals.txt") == true)
  }

  @Test(arguments: [
    ("", "say when requests arrive: --rate, or --arrivals FILE"),
    ("--rate 1 --arrivals times.txt", "say when requests arrive"),
    ("--rate 0", "--rate '0' is none of numbers above 0"),
    ("--arrivals times.txt --requests 5", "--requests would do nothing: it is for --rate"),
    ("--rate 1 --slots 0", "--slots is from 1 to 65,536"),
    ("--rate 1 --strategy pred", "--strategy 'pred' is none of base, ep, allo, staged"),
    ("--rate 1 --forecast none", "--forecast would do nothing: it is for the strategy staged"),
    ("--rate 1 --strategy staged --forecast oracle", "--forecast 'oracle' is none of none, "),
    ("--rate 1 --gap model --gap-seconds 1", "--gap model says what lies between layers"),
  ]) func wrongUseIsRefused(options: String, message: String) {
    expectWrongUse(
      ["simulate", "serving", "trace.moe.lz4"] + options.split(separator: " ").map(String.init),
      message)
  }
}
