import Demand

/// What the predicting strategies know of an expert's followers: a table made beforehand, or a
/// heatmap that is counted as batches go by.
package struct Followers {
  private let table: FollowerTable?
  /// Used where there is no table.
  private var heatmap: OnlineHeatmap
  /// Followers of an expert that count as expected.
  private let width: Int

  /// - Parameter table: What is known beforehand; nil to count the schedule's batches.
  init(_ table: FollowerTable?, _ schedule: BatchSchedule, width: Int) {
    self.table = table
    self.width = width
    heatmap = OnlineHeatmap(schedule, isCounting: table == nil)
  }

  /// Takes in what a layer's batch chose.
  ///
  /// - Parameter chosen: `slots * topK` ids; asked for where they are counted.
  mutating func observe(step: Int, layer: Int, chosen: () -> [UInt16]) {
    if table == nil { heatmap.observe(step: step, layer: layer, chosen: chosen()) }
  }

  /// The experts that most often follow `expert`.
  func followers(layer: Int, expert: Int) -> [UInt16] {
    guard let table else {
      return heatmap.followers(layer: layer, expert: expert, count: width).map { UInt16($0) }
    }
    return Array(table.followers(layer: layer, expert: expert))
  }

  /// The share of `follower` among what follows `expert`.
  func share(layer: Int, expert: Int, follower: Int) -> Double {
    table?.share(layer: layer, expert: expert, follower: follower)
      ?? heatmap.share(layer: layer, expert: expert, follower: follower)
  }
}
