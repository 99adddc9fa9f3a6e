/// A copy of an expert's weights on a die, and what it is worth there.
struct CopyProposal {
  let expert: Int
  let die: Int
  /// Seconds that it would take off the layer's critical path, or takes off it now.
  let seconds: Double
  /// There already, or on its way.
  let isHeld: Bool
}
