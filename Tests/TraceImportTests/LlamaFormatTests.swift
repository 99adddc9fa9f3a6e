import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

private let empty = TokenBlock.emptySlot

/// Tables and records of llama.cpp's MoE traces.
@Suite struct LlamaFormatTests {
  private static let options = ImportOptions(experts: 8)
  private static let topTwo = ImportOptions(experts: 8, topK: 2)

  /// Of the prompt the last layer holds the tokens whose output is asked for, from its place on.
  @Test func choicesWithPhases() throws {
    let text = """
      phase,token,layer,rank,expert
      prefill,0,0,0,1
      prefill,0,0,1,2
      prefill,1,0,0,3
      prefill,1,0,1,4
      prefill,0,5,0,5
      prefill,0,5,1,6
      decode,2,0,0,7
      decode,2,0,1,0
      decode,2,5,0,2
      decode,2,5,1,1
      """
    let requests = try importText(text, named: "case-7.csv", options: Self.options)
    #expect(
      requests == [
        RequestTrace(
          name: "case-7", prefill: 2, ids: [1, 2, 5, 6, 3, 4, empty, empty, 7, 0, 2, 1])
      ])
  }

  /// A batch of two tokens, of which the last layer has one, then a token.
  @Test func choicesAlone() throws {
    let text = "layer,expert\n0,1\n0,2\n0,3\n0,4\n5,5\n5,6\n0,7\n0,0\n5,2\n5,1\n"
    let requests = try importText(text, named: "a.csv", options: Self.topTwo)
    #expect(requests.map(\.ids) == [[1, 2, empty, empty, 3, 4, 5, 6, 7, 0, 2, 1]])
    #expect(requests.map(\.prefill) == [2])
    let fault = importFault { try importText(text, named: "a.csv", options: Self.options) }
    #expect(fault?.kind == .missing)
  }

  @Test func events() throws {
    let text = "0,0,1,2\n1,0,3,4\n0,5,5,6\n1,5,7,0\n2,0,2,3\n2,5,4,5\n"
    let requests = try importText(text, named: "a.csv", options: Self.options)
    #expect(requests.map(\.ids) == [[1, 2, 5, 6, 3, 4, 7, 0, 2, 3, 4, 5]])
    #expect(requests.map(\.prefill) == [2])
  }

  /// Each at its line.
  @Test(arguments: [
    ("phase,token,layer,rank,expert\nprefill,0,0,1,2\n", 2, "rank 1 follows 0 choices"),
    ("phase,token,layer,rank,expert\nprefill,0,0,0,2\nprefill,0,0,2,3\n", 3, "rank 2 follows 1"),
    ("phase,token,layer,rank,expert\nwarm,0,0,0,2\n", 2, "the phase is neither prefill nor"),
    ("phase,token,layer,rank,expert\nprefill,0,0,0\n", 2, "a row of a phase and four whole"),
    ("phase,token,layer,rank,expert\nprefill,0,0,0,1,2\n", 2, "a row of a phase and four whole"),
    ("phase,token,layer,rank,expert\n", 1, "the table has no rows"),
    ("layer,expert\n0,1\n0,2\n0,3\n1,4\n", 5, "the 3 rows of layer 0 before it are not a"),
    ("layer,expert\n0,1\n0,2,3\n", 3, "a row of layer and expert is expected"),
    ("0,0,1,2\n0,1,1,x\n", 2, "an expert id is no whole number"),
    ("0,0,1,2\n0,1,1,2,3\n", 2, "3 expert ids in an event; at most 2 are possible"),
    ("0,0,1,2\n-1,0,1,2\n", 2, "a row of position, layer and experts is expected"),
  ])
  func whatIsWrongHasALine(text: String, line: Int, problem: String) throws {
    let fault = importFault {
      try importText(text, named: "a.csv", format: .llamaCSV, options: Self.topTwo)
    }
    #expect(fault?.problem.hasPrefix(problem) == true, "\(fault?.problem ?? "no error")")
    #expect(fault?.line == line)
  }

  private static func records(_ numbers: [Int32]) -> [UInt8] {
    numbers.flatMap { number in withUnsafeBytes(of: number.littleEndian) { Array($0) } }
  }

  private func importRecords(
    _ bytes: [UInt8], format: ForeignFormat? = nil
  ) throws -> [RequestTrace] {
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes, to: "a.bin")
    return try importAll([path], format: format, options: Self.options)
  }

  /// The last layer has the last of the batch's tokens only; -1 is an empty slot.
  @Test func binaryRecords() throws {
    let bytes = Self.records([
      0, 2, 2, 1, 2, 3, 4, 5, 1, 2, 5, 6, 0, 1, 2, 7, -1, 5, 1, 2, 2, 1,
    ])
    let requests = try importRecords(bytes)
    #expect(requests.map(\.ids) == [[1, 2, empty, empty, 3, 4, 5, 6, 7, empty, 2, 1]])
    #expect(requests.map(\.prefill) == [2])
  }

  @Test func binaryRecordsAreWhole() throws {
    let bytes = Self.records([0, 2, 2, 1, 2, 3, 4, 5, 1, 2, 5, 6])
    let cut = importFault { try importRecords(Array(bytes.dropLast(3)), format: .llamaBinary) }
    #expect(cut?.problem == "the record is cut off")
    #expect(cut?.byte == 28)
    #expect(cut?.remedy == "keep what is before it (head -c 28)")
    let tail = importFault {
      try importRecords(bytes + Self.records([0, -4, 2, 1]), format: .llamaBinary)
    }
    #expect(tail?.problem.hasPrefix("no layer, number of tokens and k") == true)
    #expect(tail?.byte == 48)
    let wide = importFault { try importRecords(Self.records([0, 1, 2, 1, 70_000])) }
    #expect(wide?.kind == .notATrace)
    let named = importFault {
      try importRecords(Self.records([0, 1, 2, 1, 70_000]), format: .llamaBinary)
    }
    #expect(named?.problem == "expert 70000 is outside 0 to 7")
    let other = importFault {
      try importRecords(Self.records([0, 1, 2, 1, 2, 1, 1, 3, 1, 2, 3]), format: .llamaBinary)
    }
    #expect(other?.problem == "3 expert ids in an event; at most 2 are possible")
  }
}
