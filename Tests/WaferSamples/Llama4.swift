import Demand
import Foundation
import RoutingTrace
import TestSupport

/// The 60 Llama-4 requests of the shared data, in the order of their file numbers.
public enum Llama4 {
  public static let shape = ModelShape.named("llama-4-maverick")

  /// Unpacked and parsed once a test process.
  public static let decode: Result<RequestPool, any Error> = Result { try load() }

  struct Unreadable: Error {}

  private static func load() throws -> RequestPool {
    guard let shape = try shape?.traceShape() else { throw Unreadable() }
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "moecast-wafer-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let tar = Process()
    tar.executableURL = URL(filePath: "/usr/bin/env")
    tar.arguments = [
      "tar", "-xJf", SharedData.path + "/traces/llama4-maverick-mmlu.tar.xz", "-C", folder.path(),
      "--strip-components=1",
    ]
    try tar.run()
    tar.waitUntilExit()
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    func number(_ file: URL) -> Int { Int(file.deletingPathExtension().lastPathComponent) ?? 0 }
    var pool = RequestPool(shape: shape)
    for file in files.sorted(by: { number($0) < number($1) }) {
      let json = try JSONSerialization.jsonObject(with: Data(contentsOf: file))
      guard let steps = json as? [[String: Any]] else { throw Unreadable() }
      pool.add(
        try steps.dropFirst().flatMap { step in
          try shape.modelLayers.map { layer in
            guard let ids = step[String(layer)] as? [[Int]], let id = ids.first?.first else {
              throw Unreadable()
            }
            return UInt16(id)
          }
        })
    }
    return pool
  }
}
