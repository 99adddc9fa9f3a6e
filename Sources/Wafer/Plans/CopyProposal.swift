/// A copy of an expert's weights on a die, and what it is worth there.
package struct CopyProposal {
  /// Which expert of the layer, and on which die.
  package let copy: ExpertCopy
  /// Seconds that it would take off the layer's critical path, or takes off it now.
  package let seconds: Double
  /// There already, or on its way.
  package let isHeld: Bool

  /// A copy that saves `seconds`.
  package init(_ copy: ExpertCopy, seconds: Double, isHeld: Bool) {
    self.copy = copy
    self.seconds = seconds
    self.isHeld = isHeld
  }
}
