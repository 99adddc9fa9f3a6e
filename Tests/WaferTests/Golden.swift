import Foundation
import TestSupport

/// One configuration of `wafer_golden.json`.
struct Golden: Decodable, Sendable {
  struct Row: Decodable, Sendable {
    let step: Int
    let layer: Int
    let seconds: Double
    let tasks: Int
    let hops: Int
    let requestHops: Int?
    let copies: Int?

    enum CodingKeys: String, CodingKey {
      case step, layer, tasks, hops, copies
      case seconds = "T"
      case requestHops = "request_hops"
    }
  }

  let wafer: String
  let batch: Int
  let strategy: String
  let engine: String
  let windowBytes: Double?
  let chunkBytes: Double?
  let meanSeconds: Double
  let rows: [Row]

  enum CodingKeys: String, CodingKey {
    case wafer, batch, strategy, engine, rows
    case windowBytes = "window_bytes"
    case chunkBytes = "chunk_bytes"
    case meanSeconds = "mean_T"
  }

  static func all() throws -> [Golden] {
    let file = URL(filePath: SharedData.path + "/reference/wafer_golden.json")
    return try JSONDecoder().decode([Golden].self, from: Data(contentsOf: file))
  }
}
