import Forecast
import Prequential
import RoutingTrace

/// What calls do while they have the lock. Everything is checked for all requests of a call before
/// anything is noted for one.
extension LiveForecaster.State {
  /// Finds the sessions of a call's requests, into ``batch``.
  ///
  /// - Throws: ``LiveError/unknownRequest(_:)``, ``LiveError/twice(_:)``.
  mutating func gather(_ requests: Span<UInt64>) throws(LiveError) {
    let mark = sessions.uses
    for index in requests.indices {
      let request = requests[index]
      guard let found = sessions.use(request, after: mark) else { throw .unknownRequest(request) }
      guard found.isFirst else { throw .twice(request) }
      if index < batch.count {
        batch[index] = found.session
      } else {
        batch.append(found.session)
      }
    }
  }

  /// - Parameter keeps: whether closed tokens are kept.
  mutating func observe(
    _ requests: Span<UInt64>, layer: Int, ids: Span<UInt16>, keeps: Bool
  ) throws(LiveError) {
    let shape = learner.shape
    let topK = shape.topK
    precondition(ids.count == requests.count * topK)
    try gather(requests)
    for index in requests.indices {
      let row = ids.extracting(index * topK..<(index + 1) * topK)
      let count = Self.experts(in: row)
      for slot in count..<topK where row[slot] != TokenBlock.emptySlot {
        throw .gap(requests[index])
      }
      do throws(SessionError) {
        try learner.check(row.extracting(first: count), layer: layer, in: batch[index])
      } catch {
        throw .session(error, request: requests[index])
      }
    }
    for index in requests.indices {
      let row = ids.extracting(index * topK..<(index + 1) * topK)
      do throws(SessionError) {
        try learner.observe(
          row.extracting(first: Self.experts(in: row)), layer: layer, in: batch[index])
        if layer == shape.layers - 1 {
          try learner.close(batch[index], into: &closed)
        }
      } catch { throw .session(error, request: requests[index]) }
    }
    if !keeps { closed.removeAll() }
  }

  /// The experts of an event: the slots before the first empty one.
  private static func experts(in row: Span<UInt16>) -> Int {
    var count = 0
    while count < row.count, row[count] != TokenBlock.emptySlot { count += 1 }
    return count
  }

  /// Forecasts for the sessions of ``batch``.
  func forecast(
    _ layer: Int, by predictor: Int, of requests: Span<UInt64>, top: Int,
    ranked: UnsafeMutableBufferPointer<UInt16>, chances: UnsafeMutableBufferPointer<Float>?
  ) throws(LiveError) {
    let room = requests.count * top
    precondition(ranked.count == room && chances?.count ?? room == room)
    // One alone is checked by its forecast, before anything is written.
    for index in requests.indices where requests.count > 1 {
      do throws(SessionError) {
        try learner.check(forecasting: layer, by: predictor, in: batch[index])
      } catch { throw .session(error, request: requests[index]) }
    }
    for index in requests.indices {
      do throws(SessionError) {
        let probabilities = try learner.forecast(layer, by: predictor, in: batch[index])
        let own = index * top..<(index + 1) * top
        ranker.best(
          by: probabilities, into: UnsafeMutableBufferPointer(rebasing: ranked[own]),
          chances: chances.map { UnsafeMutableBufferPointer(rebasing: $0[own]) })
      } catch { throw .session(error, request: requests[index]) }
    }
  }
}
