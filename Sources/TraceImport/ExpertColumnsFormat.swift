import RoutingTrace

extension ForeignFormat {
  /// Tables of a column an expert, as NeuPIMs and DynaNDE read them.
  public static let expertColumns = ForeignFormat(ExpertColumnsFormat.self)
}

/// Tables of the simulators NeuPIMs and DynaNDE: `layer_id,token_id,expert_0,...,expert_{E-1}`, a row
/// a token and layer, the gate weight of every expert, 0 where it is not chosen.
///
/// How many experts a token takes the first row tells. A table of one layer, or with its layers one
/// behind the other, is a prompt.
struct ExpertColumnsFormat: TraceFormat {
  static let name = "expert-columns"
  static let summary = "CSV with a column an expert (NeuPIMs, DynaNDE), one request a file"
  static let marks = ["layer_id", "token_id", "expert_0"]

  static let sample = (
    fileName: "layer1.csv",
    content: Array(
      """
      layer_id,token_id,expert_0,expert_1,expert_2,expert_3,expert_4,expert_5,expert_6,expert_7
      1,0,0.000000,0.000000,0.750000,0.000000,0.250000,0.000000,0.000000,0.000000
      1,1,0.500000,0.000000,0.000000,0.000000,0.000000,0.000000,0.000000,0.500000

      """.utf8)
  )

  private static let header = Array("layer_id,token_id,expert_0".utf8)

  private let options: ImportOptions
  private var finisher: LoggedRequestFinisher
  private var source: TraceSource?

  init(options: ImportOptions) throws(ImportError) {
    self.options = options
    finisher = LoggedRequestFinisher(options: options)
  }

  static func accepts(fileNamed name: String) -> Bool { name.hasSuffix(".csv") }

  /// The first columns' names.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool {
    head.starts(with: header)
  }

  mutating func open(_ source: TraceSource) throws(ImportError) { self.source = source }

  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest? {
    guard let source = source.take() else { return nil }
    let lines = try LineReader(source.files[0], limit: options.maximumFileSize)
    func fault(
      _ problem: String, remedy: String = "leave the line out, or write the table again"
    ) -> ImportError {
      ImportError(.malformed, file: lines.file, line: lines.line, problem: problem, remedy: remedy)
    }
    guard let first = try lines.next(), first.starts(with: Self.header) else {
      throw ImportError(
        .notATrace, file: lines.file, line: 1,
        problem: "the first line does not name a layer, a token and experts",
        remedy: "choose another --format, or leave the file out")
    }
    let experts = first.count { $0 == 0x2C } - 1
    var gatherer = ChoiceGatherer(topK: bounds.topK, tellsPrompt: false, stepEnd: .layer)
    var ids: [UInt16] = []
    var weights: [Float16] = []
    while let line = try lines.next() {
      ids.removeAll(keepingCapacity: true)
      weights.removeAll(keepingCapacity: true)
      var fields = NumberFields(line)
      guard let layer = fields.whole(), let token = fields.whole(), token >= 0,
        (0...65_535).contains(layer)
      else { throw fault("a row that begins with layer and token is expected") }
      var expert = fields.skipZeros()
      while fields.hasMore {
        guard let weight = fields.decimal() else { throw fault("a gate weight is not a number") }
        if weight != 0 {
          ids.append(RawRequest.id(expert))
          weights.append(halfPrecision(weight))
        }
        expert += 1 + fields.skipZeros()
      }
      guard expert == experts else {
        throw fault("\(expert) gate weights for \(experts) experts")
      }
      if !options.readsWeights { weights.removeAll(keepingCapacity: true) }
      do throws(ChoiceGatherer.Problem) {
        try gatherer.add(place: token, layer: layer, ids: &ids, weights: &weights)
      } catch {
        throw fault(error.text, remedy: error.remedy)
      }
    }
    guard let request = gatherer.take() else {
      throw fault("the table has no rows", remedy: "record it again, or leave it out")
    }
    return try finisher.finish(
      request, file: source.path, stem: source.stem, tellsPrompt: false, experts: experts)
  }
}
