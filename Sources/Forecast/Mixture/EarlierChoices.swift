import Counting

/// The earlier choices that the linear part of a ``Mixture`` looks at; each has rows of its own.
enum EarlierChoices {
  /// Layers back, of this token or, before the first layer, of the previous one.
  static let backs = 8
  /// The previous token in this layer, the layers back, the first layer.
  static let count = backs + 2

  /// What each group is called in files.
  static var names: [String] {
    ["previous token"] + (1...backs).map { "\($0) back" } + ["first layer"]
  }

  /// The choices of group `group`, of ``count``, that `context` knows.
  @inline(__always)
  static func choices(_ group: Int, of context: EventContext) -> ExpertSet {
    switch group {
    case 0: context.previousToken
    case 1...backs: context.wrappedBack(group)
    default: context.first(before: backs)
    }
  }
}
