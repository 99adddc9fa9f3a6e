import Foundation
import Moecast
import Service
import ServiceProtocol

/// What a body of `POST /v1/observe` or `/v1/forecast` says, one object or a list of them; layers
/// bear the model's own numbers, as in `moecast forecast --live`.
struct JSONQuestion: Decodable {
  /// The request, and what is told of it.
  var said: LiveQuestion
  /// The predictor that is asked, by name.
  var predictor: String?
  /// How many experts are wanted.
  var top: Int?

  private enum CodingKeys: CodingKey { case predictor, top }

  init(from decoder: any Decoder) throws {
    said = try LiveQuestion(from: decoder)
    let own = try decoder.container(keyedBy: CodingKeys.self)
    predictor = try own.decodeIfPresent(String.self, forKey: .predictor)
    top = try own.decodeIfPresent(Int.self, forKey: .top)
  }

  /// Takes a body apart.
  ///
  /// - Returns: whether it is a list, and what it says.
  /// - Throws: `Service/Refusal` where it is no JSON of this kind.
  static func all(in body: [UInt8], limit: Int) throws -> (isList: Bool, questions: [JSONQuestion])
  {
    let data = Data(body)
    let isList = body.first { !" \t\r\n".utf8.contains($0) } == UInt8(ascii: "[")
    do {
      let questions =
        try isList
        ? JSONDecoder().decode([JSONQuestion].self, from: data)
        : [JSONDecoder().decode(JSONQuestion.self, from: data)]
      guard questions.count <= limit else {
        throw Refusal(
          .badArgument, "\(questions.count) objects; at most \(limit) go into one body")
      }
      return (isList, questions)
    } catch let refusal as Refusal {
      throw refusal
    } catch {
      throw Refusal(
        .badArgument,
        "the body is no JSON object with a request, or a list of such; see /v1/observe and "
          + "/v1/forecast in the documentation")
    }
  }
}
