import Wafer

/// A layer as the engine without forecasts ran it, for others to be held against.
struct BaselineLayer {
  let plan: [ExpertTask]
  let seconds: Double
  /// The copies that it holds now, by die.
  let stores: [CopyStore]
}
