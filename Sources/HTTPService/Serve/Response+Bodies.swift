import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

extension Response {
  /// A text.
  static func text(
    _ text: String, status: HTTPResponse.Status = .ok, type: String = "text/plain; charset=utf-8"
  ) -> Response {
    Response(
      status: status, headers: [.contentType: type, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }

  /// JSON that is written already.
  static func json(text: String, status: HTTPResponse.Status = .ok) -> Response {
    .text(text, status: status, type: "application/json")
  }

  /// A value as JSON, its properties under names such as `top_k`.
  static func json(_ value: some Encodable) throws -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return .json(text: String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
  }

  /// A page that loads nothing from anywhere.
  static func page(_ bytes: [UInt8]) -> Response {
    Response(
      status: .ok,
      headers: [
        .contentType: "text/html; charset=utf-8", .cacheControl: "no-store",
        .contentSecurityPolicy:
          "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
          + "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
      ],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  /// A refusal in words.
  static func refusal(_ refusal: WebRefusal) -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let body = (try? encoder.encode(["error": refusal.text, "kind": refusal.kind])) ?? Data()
    var response = json(text: String(decoding: body, as: UTF8.self) + "\n", status: refusal.status)
    if refusal.status == .tooManyRequests { response.headers[.retryAfter] = "1" }
    if refusal.status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
    return response
  }
}
