import Archive
import Foundation
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// Answers of vLLM and of servers on it.
@Suite struct VLLMAnswersFormatTests {
  /// Two layers, top-2, three tokens: two of the prompt, one decoded.
  private static let ids: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 0, 2, 1, 4, 3]
  private static let options = ImportOptions(experts: 8)
  private static let usage = #""usage": {"prompt_tokens": 2, "completion_tokens": 2}"#

  private static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

  private static let file = ids.withUnsafeBytes {
    base64(NPYArray.file(.unsigned(bytes: 1), shape: [3, 2, 2], elements: $0))
  }

  /// Wherever it stands, and however.
  @Test(arguments: [
    #"{"id": "a", "choices": [{"routed_experts": "FILE"}], USAGE}"#,
    #"{"id": "a", USAGE, "choices": [{"routed_experts": {"data": "DATA", "shape": [3, 2, 2]}}]}"#,
    #"{"id": "a", "choices": [], USAGE, "nvext": {"routed_experts": {"shape": [3, 2, 2], "#
      + #""dtype": "uint8", "start": 0, "data": "DATA"}}}"#,
    #"{"id": "a", "routed_experts": {"data": "WIDE", "shape": [3, 2, 2], "dtype": "uint16"}, USAGE}"#,
    #"{"id": "a", "data": "DATA", "shape": [3, 2, 2], "prompt_tokens": 2}"#,
    #"{"id": "a", "prompt_routed_experts": [[[1, 2], [3, 4]], [[5, 6], [7, 0]]], "#
      + #""choices": [{"routed_experts": [[[2, 1], [4, 3]]]}]}"#,
    #"{"id": "a", "routed_experts": [[[1, 2], [3, 4]], [[5, 6], [7, 0]], [[2, 1], [4, 3]]], USAGE}"#,
  ])
  func readsEveryForm(_ form: String) throws {
    let text = form.replacing("FILE", with: Self.file)
      .replacing("DATA", with: Self.base64(Self.ids)).replacing("USAGE", with: Self.usage)
      .replacing("WIDE", with: Self.base64(Self.ids.flatMap { [$0, 0] }))
    let requests = try importText(text, named: "a.json", options: Self.options)
    #expect(requests == [RequestTrace(name: "a", prefill: 2, ids: Self.ids.map(UInt16.init))])
  }

  /// Tokens left out at the beginning shorten the prompt.
  @Test(arguments: [
    #"{"choices": [{"routed_experts": "FILE", "routed_experts_prompt_start": 1}], USAGE}"#,
    #"{"routed_experts_prompt_start": 1, "choices": [{"routed_experts": "FILE"}], USAGE}"#,
    #"{"choices": [{"routed_experts": {"data": "DATA", "shape": [3, 2, 2], "start": 1}}], USAGE}"#,
  ])
  func tokensLeftOutAreNotInThePrompt(_ form: String) throws {
    let text = form.replacing("FILE", with: Self.file)
      .replacing("DATA", with: Self.base64(Self.ids)).replacing("USAGE", with: Self.usage)
    let requests = try importText(text, named: "a.json", options: Self.options)
    #expect(requests.map(\.prefill) == [1])
  }

  /// Answers over several lines behind one another, and without a prompt's length.
  @Test func answersStandBehindOneAnother() throws {
    let one =
      #"{"choices": [{"routed_experts": {"data": "DATA", "shape": [3, 2, 2]}}], "#
      .replacing("DATA", with: Self.base64(Self.ids)) + Self.usage + "}"
    let indented = one.replacing(", ", with: ",\n").replacing("{", with: "{\n")
    for text in [one + "\n" + one, indented + indented, indented + "\r\n\r\n" + one] {
      #expect(
        try importText(text, named: "a.jsonl", options: Self.options).map(\.ids)
          == [Self.ids.map(UInt16.init), Self.ids.map(UInt16.init)])
    }
    let fault = importFault {
      try importText(
        #"{"data": "AQI=", "shape": [1, 1, 2]}"#, named: "a.json", options: Self.options)
    }
    #expect(fault?.kind == .missing)
    #expect(fault?.remedy.contains("--prefill") == true)
  }

  @Test(arguments: [
    (#"{"data": "AQID", "shape": [1, 1, 2]}"#, "its 3 bytes are not those of shape [1, 1, 2]"),
    (#"{"data": "AQI=", "shape": [1, 2]}"#, "its 2 bytes are not those of shape [1, 2, -1]"),
    (#"{"data": "AQI=", "shape": [1, 1, 2], "dtype": "float32"}"#, "its dtype is float32, which"),
    (#"{"data": "AQI=", "shape": [1, 1, 2, 3]}"#, "a shape of three numbers expected"),
    (#"{"data": "AQI=", "shape": [2147483647, 2147483647, 2147483647]}"#, "its 2 bytes are not"),
    (#"{"routed_experts": "AQI=", "prompt_tokens": 1}"#, "it is not a NumPy array"),
    (#"{"routed_experts": {"shape": [1, 1, 2]}}"#, "routed_experts has no data"),
    (#"{"routed_experts": [[[1, 2]], [[1, 2], [3, 4]]]}"#, "2 layers, but 1 in the tokens before"),
    (
      #"{"prompt_routed_experts": [[[1, 2]]], "routed_experts": [[[1, 2], [3, 4]]]}"#,
      "prompt_routed_experts have other layers than routed_experts"
    ),
    (#"{"routed_experts": []}"#, "its routed_experts hold no tokens"),
    (#"{"routed_experts": [[[1, 9]]], "prompt_tokens": 1}"#, "expert 9 is outside 0 to 7"),
  ])
  func refuses(_ text: String, problem: String) {
    let fault = importFault {
      try importText(text, named: "a.json", format: .vllmJSON, options: Self.options)
    }
    #expect(fault?.problem.hasPrefix(problem) == true, "\(fault?.problem ?? "no error")")
  }
}
