import Chart

/// A sentence that a report begins with, and its number beside popularity and the paper's models.
public struct Finding: Sendable, Encodable {
  /// What it is called in JSON.
  public var id: String
  /// What was found, one sentence with its number.
  public var sentence: String
  /// What it means, and what it is held against.
  public var text: String
  /// The number.
  public var measured: Double
  /// What experts drawn by popularity alone would give, or another yardstick of the same trace.
  public var yardstick: Double?
  /// What the yardstick is called.
  public var yardstickName: String
  /// By model: what the paper measured; empty where it says nothing.
  public var paper: [PaperModels.Value]
  /// How the numbers are written.
  let format: ValueFormat

  enum CodingKeys: String, CodingKey {
    case id, sentence, text, measured, yardstick, paper
    case yardstickName = "yardstick_name"
  }

  /// The numbers beside each other.
  var plot: RowPlot {
    let rows =
      [RowPlot.Row("this trace", [measured])]
      + (yardstick.map { [RowPlot.Row(yardstickName, [$0], color: 6)] } ?? [])
      + paper.map { RowPlot.Row($0.model, [$0.value], color: 6, isReference: true) }
    return RowPlot(
      sentence, value: Axis("", key: "value", format: format, shows: [0]), rows: rows)
  }
}

/// What the paper ("Patterns behind Chaos", arXiv 2510.05497, observations 1 to 5) measured of four
/// models; only what it says.
public enum PaperModels {
  /// What it measured of one model.
  public struct Value: Hashable, Sendable, Encodable {
    /// The model's name.
    public var model: String
    /// The figure.
    public var value: Double
  }

  private static let models = ["DeepSeek-V3", "Qwen3-235B", "Llama-4 Maverick", "Kimi K2"]

  /// The share of choices on the top 20 % of the next layer's experts after the most used one.
  static let layers = values([0.50, 0.65, 0.77, 0.56])
  /// The same from token to token.
  static let tokens = values([0.47, 0.62, 0.80, 0.53])
  /// The least rank correlation of prefill's and decode's frequencies in most layers, of all four.
  static let stagesRank = 0.7
  /// How often the most used expert is chosen over the mean: up to this and more.
  static let mostUsedOverMean = 16.0
  /// The share of co-activations on the top 10 % of pairs lies between these.
  static let pairs = 0.60...0.80

  private static func values(_ values: [Double]) -> [Value] {
    zip(models, values).map { Value(model: $0, value: $1) }
  }
}
