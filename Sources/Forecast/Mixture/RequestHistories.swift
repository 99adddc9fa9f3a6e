import Counting

/// What requests under way have chosen so far in one layer, by their places: the state behind the
/// parts `request` and `recent` of a ``Mixture``.
///
/// It is kept whether or not the mixture learns. A mixture has one for the requests it learns from,
/// a ``MixtureSession`` one for its own.
struct RequestHistories: Hashable, Sendable {
  /// What an earlier token counts of the one after it in `recent`.
  static let recentKeep: Float = 0.9

  /// Experts rounded up to whole lanes of eight.
  let lanes: Int
  /// Whether the part `request` is in use.
  private let keepsCounts: Bool
  /// Whether the part `recent` is in use.
  private let keepsRecent: Bool
  /// `[place, lane]`: how often the request chose each expert; empty unless `request` is in use.
  var counts: [UInt32] = []
  /// `[place, lane]`: the same, where every further token takes a tenth from what was counted
  /// before; empty unless `recent` is in use.
  var recent: [Float] = []

  /// Requests that there is room for.
  var places: Int { max(counts.count, recent.count) / lanes }

  /// Room for no request yet.
  init(lanes: Int, parts: MixtureParts) {
    self.lanes = lanes
    keepsCounts = parts.contains(.request)
    keepsRecent = parts.contains(.recent)
  }

  /// Makes room for `places` requests.
  mutating func reserve(places: Int) {
    if keepsCounts {
      counts += repeatElement(0, count: max(0, places * lanes - counts.count))
    }
    if keepsRecent {
      recent += repeatElement(0, count: max(0, places * lanes - recent.count))
    }
  }

  /// Forgets every request, and the room.
  mutating func clear() {
    counts = []
    recent = []
  }

  /// Begins a place's history anew.
  mutating func forget(_ place: Int) {
    for j in place * lanes..<(place + 1) * lanes {
      if !counts.isEmpty { counts[j] = 0 }
      if !recent.isEmpty { recent[j] = 0 }
    }
  }

  /// Remembers what a place's request chose.
  mutating func note(_ chosen: ExpertSet, _ place: Int) {
    let lanes = lanes
    if !counts.isEmpty {
      for index in 0..<chosen.count { counts[place * lanes + chosen[index]] += 1 }
    }
    guard !recent.isEmpty else { return }
    recent.withUnsafeMutableBufferPointer { recent in
      let own = recent.baseAddress.unsafelyUnwrapped + place * lanes
      var j = 0
      while j < lanes {
        own[j] *= Self.recentKeep
        j += 1
      }
      for index in 0..<chosen.count { own[chosen[index]] += 1 }
    }
  }

  /// The part `request`: `(n(j) + 4 prior(j)) / (sum n + 4)`.
  func requestShare(
    _ place: Int, _ prior: UnsafeMutablePointer<Float>, into out: UnsafeMutablePointer<Float>
  ) {
    let first = place * lanes
    var total: UInt32 = 0
    for j in 0..<lanes { total &+= counts[first + j] }
    let share = 1 / (Float(total) + 4)
    for j in 0..<lanes { out[j] = (Float(counts[first + j]) + 4 * prior[j]) * share }
  }

  /// The part `recent`: `(n(j) + prior(j)) / (sum n + 1)`, n decayed.
  func recentShare(
    _ place: Int, _ prior: UnsafeMutablePointer<Float>, into out: UnsafeMutablePointer<Float>
  ) {
    let lanes = lanes
    recent.withUnsafeBufferPointer { recent in
      let own = recent.baseAddress.unsafelyUnwrapped + place * lanes
      var sums = SIMD8<Float>()
      var j = 0
      while j < lanes {
        sums += own.eight(j)
        j += 8
      }
      let share = 1 / (sums.total + 1)
      j = 0
      while j < lanes {
        out[j] = (own[j] + prior[j]) * share
        j += 1
      }
    }
  }
}
