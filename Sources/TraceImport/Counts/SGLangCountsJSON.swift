extension CountsFormat {
  /// `{"logical_count": ...}` as SGLang's `--init-expert-location` takes it.
  public static let sglangCountsJSON = CountsFormat(SGLangCountsJSON.self)
}

/// `{"logical_count": [[...]]}` or `[[[...]]]`: counts by layer and expert, or by step, layer and
/// expert, as SGLang's `--init-expert-location` takes them. Layers are all of the model.
enum SGLangCountsJSON: CountsReader {
  static let name = "logical-count"
  static let summary = "SGLang's {\"logical_count\": ...} (JSON)"

  static let sample = (
    fileName: "counts.json",
    content: Array(#"{"logical_count": [[0, 0, 0, 0], [3, 1, 0, 2]]}"#.utf8)
  )

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".json") }

  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    head.drop(while: JSONText.isSpace).first == UInt8(ascii: "{")
      && JSONText.holds(head.prefix(4096), key: "logical_count")
  }

  static func counts(
    in bytes: UnsafeRawBufferPointer, of file: FoundFile
  ) throws(ImportError) -> RawCounts {
    var found: (shape: [Int], counts: [UInt64])?
    do throws(JSONCursor.Fault) {
      var cursor = JSONCursor(bytes)
      try cursor.object { (key, cursor) throws(JSONCursor.Fault) in
        if key == "logical_count" { found = try cursor.counts(axes: 2...3) }
      }
      guard cursor.isAtEnd() else {
        throw JSONCursor.Fault(problem: "something follows the object", byte: cursor.at)
      }
    } catch {
      throw error.error(file.path)
    }
    guard let found else {
      throw .counts(
        file.path, "it has no key logical_count", remedy: "choose another --format",
        kind: .notATrace)
    }
    let shape = (found.shape.count == 2 ? [1] : []) + found.shape
    return RawCounts(
      layers: .counted(shape[1]), experts: shape[2],
      windowKind: found.shape.count == 2 ? "whole" : "step",
      windows: (0..<Int64(shape[0])).map(\.self), counts: found.counts)
  }
}
