/// An axis of a predictor's tables, as readers of its files see it: a name, and what its places
/// stand for. Two tables of one predictor that have an axis of the same name have the same axis.
///
/// ```swift
/// let axes: [StateAxis] = [.layer(12), .givenExpert(64), .expert(64)]
/// try coder.code("rows_layer", &rows, axes: axes, note: "times an expert followed another")
/// ```
public struct StateAxis: Hashable, Sendable {
  /// What the places of an axis stand for.
  public enum Places: Hashable, Sendable {
    /// What the axis of that name stands for in all of a model.
    case ofModel
    /// Numbers from 0.
    case numbers
    /// Each has a name.
    case names([String])
  }

  /// The axis's name, unique within a predictor.
  public let name: String
  /// How many places it has.
  public let count: Int
  /// What the places stand for.
  public let places: Places
  /// What the axis is, for people.
  public let note: String

  /// An axis of numbers from 0, or of names where these are given.
  public init(_ name: String, _ count: Int, note: String) {
    (self.name, self.count, places, self.note) = (name, count, .numbers, note)
  }

  /// An axis whose places have names.
  public init(_ name: String, names: [String], note: String) {
    (self.name, count, places, self.note) = (name, names.count, .names(names), note)
  }

  private init(ofModel name: String, _ count: Int) {
    (self.name, self.count, places, note) = (name, count, .ofModel, "")
  }

  /// The name of an axis of experts whose rows are padded, so that it is longer than all experts.
  public static let lane = "lane"

  /// The MoE layers.
  public static func layer(_ count: Int) -> StateAxis { StateAxis(ofModel: "layer", count) }
  /// The experts that were chosen.
  public static func expert(_ count: Int) -> StateAxis { StateAxis(ofModel: "expert", count) }
  /// The experts that were chosen before.
  public static func givenExpert(_ count: Int) -> StateAxis {
    StateAxis(ofModel: "given_expert", count)
  }
}
