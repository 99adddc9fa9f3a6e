import RoutingTrace

/// The tokens that a figure is of: one stage's, or all.
public enum Scope: String, CaseIterable, Hashable, Sendable, Encodable, CodingKeyRepresentable {
  /// The tokens of prompts, generated tokens, and both together.
  case prefill, decode, all

  /// The tokens of one stage.
  public init(_ stage: Stage) { self = stage == .prefill ? .prefill : .decode }
}
