/// Words of `known` that whoever wrote `word` may have meant, the nearest first, three at most:
/// those that differ in few letters, else those that share the most parts between underscores.
public func likely(_ word: String, among known: [String]) -> [String] {
  let distances = known.map { ($0, editDistance(Array(word.utf8), Array($0.utf8))) }
  let near = distances.filter { $0.1 <= max(1, word.utf8.count / 4) }
  if let least = near.map(\.1).min() { return near.filter { $0.1 == least }.prefix(3).map(\.0) }
  let parts = Set(word.split(separator: "_"))
  let shared = known.map { ($0, parts.intersection($0.split(separator: "_")).count) }
  guard let most = shared.map(\.1).max(), most > 0 else { return [] }
  return shared.filter { $0.1 == most }.prefix(3).map(\.0)
}

/// Letters to insert, leave out, exchange or, beside each other, swap until one word is the other.
private func editDistance(_ first: [UInt8], _ second: [UInt8]) -> Int {
  var before: [Int] = []
  var last = Array(0...second.count)
  for row in first.indices {
    var next = [row + 1]
    for column in second.indices {
      let isSame = first[row] == second[column]
      var best = min(last[column] + (isSame ? 0 : 1), last[column + 1] + 1, next[column] + 1)
      if row > 0, column > 0, first[row] == second[column - 1], first[row - 1] == second[column] {
        best = min(best, before[column - 1] + 1)
      }
      next.append(best)
    }
    (before, last) = (last, next)
  }
  return last[second.count]
}
