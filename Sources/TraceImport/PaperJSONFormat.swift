import CSimdJSON

extension ForeignFormat {
  /// The data set core12345/MoE_expert_selection_trace: a JSON file a request.
  public static let paperJSON = ForeignFormat(PaperJSONFormat.self)
}

/// The paper's traces (arXiv 2510.05497): `<org>/<model>/<benchmark>/<subject>/<n>.json`.
///
/// A file is a list. Entry 0 is the prompt, `{"layer": null or [[ids] per token]}`; each entry
/// behind it is one decoded token, `{"layer": null or [[ids]]}`. Keys are all layers of the model
/// from 0, null where a layer is dense. The task is the folder's name.
struct PaperJSONFormat: TraceFormat {
  static let name = "paper-json"
  static let summary = "MoE_expert_selection_trace JSON, one request a file"
  static let isOneValue = true

  static let sample = (
    fileName: "1.json",
    content: Array(
      """
      [{"0": null, "1": [[5, 2], [0, 7]], "3": [[1, 6], [3, 4]]},
       {"0": null, "1": [[2, 3]], "3": [[4, 5]]}]
      """.utf8)
  )

  private let json: JSONReader
  private var file: SourceFile

  init(options: ImportOptions) throws(ImportError) {
    json = try JSONReader()
    file = SourceFile(options: options)
  }

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".json") }

  /// A list whose first entry is an object whose first key is a number.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    let start = Array(head.lazy.filter { !JSONText.isSpace($0) }.prefix(4))
    return start.count == 4 && start.starts(with: "[{\"".utf8) && (0x30...0x39).contains(start[3])
  }

  mutating func open(_ source: TraceSource) throws(ImportError) { try file.open(source) }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    guard let source = file.take() else { return nil }
    var request = try json.request(
      in: file.bytes, file: source.path, bounds: bounds, readsWeights: false,
      parse: csj_read_selection_trace)
    request.name = source.stem
    request.task = source.folder
    return request
  }
}
