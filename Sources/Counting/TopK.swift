/// How many experts every event of a layer chose, as a constant that loops unroll by; 0 where it is
/// not known, or differs from event to event.
@usableFromInline package struct TopK<let constant: Int> {
  @inlinable
  package init() {}
}

/// Work on events whose loops unroll where top-k is a constant: a value that holds what the work
/// needs, and the work itself, generic over the constant.
@usableFromInline package protocol TopKWork {
  /// The work; called once, with top-k as a constant if it is one of those below.
  func run<let constant: Int>(_ topK: TopK<constant>)
}

extension TopKWork {
  /// Runs the work with `topK` as a constant where it is that of a model that people run.
  ///
  /// - Parameter topK: slots that every event fills; 0 where some are empty.
  @inlinable @inline(__always)
  package func run(unrolledBy topK: Int) {
    switch topK {
    case 1: run(TopK<1>())
    case 2: run(TopK<2>())
    case 4: run(TopK<4>())
    case 6: run(TopK<6>())
    case 8: run(TopK<8>())
    default: run(TopK<0>())
    }
  }
}
