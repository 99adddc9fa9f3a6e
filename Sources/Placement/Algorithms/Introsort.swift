/// The order in which a C++ library's `std::sort` leaves items of descending weight.
///
/// It is not stable: among more than 16 items, equal weights change places. PyTorch sorts on a CPU
/// with it, so the slots that DeepSeek's balancer gives to experts of equal load, those without any
/// among them, follow from its steps. They are those of introsort (D. Musser, 1997) as libstdc++
/// takes them: quicksort around the median of three down to pieces of 16, heapsort where that
/// recurses too deeply, insertion sort over the whole at the end. Written out here rather than
/// called, so that a placement is the same whatever library a system has.
struct Introsort {
  private struct Item {
    var weight: Float
    var place: Int
  }

  /// Pieces that are left to the insertion sort.
  private static let smallest = 16

  private var items: [Item]

  /// The places of the weights, the heaviest first.
  ///
  /// - Complexity: O(n log n).
  static func descending(_ weights: [Float]) -> [Int] {
    var sort = Introsort(items: weights.enumerated().map { Item(weight: $1, place: $0) })
    if weights.count > smallest {
      let depth = 2 * (Int.bitWidth - 1 - weights.count.leadingZeroBitCount)
      sort.divide(0..<weights.count, depth: depth)
    }
    sort.insert()
    return sort.items.map(\.place)
  }

  private func precedes(_ left: Int, _ right: Int) -> Bool {
    items[left].weight > items[right].weight
  }

  /// Quicksort down to small pieces: the right part by recursion, then the left one.
  private mutating func divide(_ range: Range<Int>, depth: Int) {
    var (range, depth) = (range, depth)
    while range.count > Self.smallest {
      guard depth > 0 else { return sortByHeap(range) }
      depth -= 1
      let cut = partition(range)
      divide(cut..<range.upperBound, depth: depth)
      range = range.lowerBound..<cut
    }
  }

  /// Brings what comes before the median of three in front of it, and tells where the rest begins.
  private mutating func partition(_ range: Range<Int>) -> Int {
    let pivot = range.lowerBound
    items.swapAt(
      pivot, median(pivot + 1, pivot + range.count / 2, range.upperBound - 1))
    var (left, right) = (pivot + 1, range.upperBound)
    while true {
      // The median stops both walks, since one of the three is on either side.
      while precedes(left, pivot) { left += 1 }
      right -= 1
      while precedes(pivot, right) { right -= 1 }
      guard left < right else { return left }
      items.swapAt(left, right)
      left += 1
    }
  }

  private func median(_ a: Int, _ b: Int, _ c: Int) -> Int {
    if precedes(a, b) { return precedes(b, c) ? b : precedes(a, c) ? c : a }
    return precedes(a, c) ? a : precedes(b, c) ? c : b
  }

  /// Stable, as items are hardly out of place.
  private mutating func insert() {
    for at in items.indices.dropFirst() {
      let item = items[at]
      var hole = at
      while hole > 0, item.weight > items[hole - 1].weight {
        items[hole] = items[hole - 1]
        hole -= 1
      }
      items[hole] = item
    }
  }

  private mutating func sortByHeap(_ range: Range<Int>) {
    let begin = range.lowerBound
    for parent in (0..<range.count / 2).reversed() {
      sift(items[begin + parent], into: parent, of: begin, count: range.count)
    }
    for last in (1..<range.count).reversed() {
      let item = items[begin + last]
      items[begin + last] = items[begin]
      sift(item, into: 0, of: begin, count: last)
    }
  }

  /// Lets the hole at `top` of a heap sink to a leaf, and the item rise from there.
  private mutating func sift(_ item: Item, into top: Int, of begin: Int, count: Int) {
    var hole = top
    while 2 * hole + 1 < count {
      var child = 2 * hole + 2
      if child == count || precedes(begin + child, begin + child - 1) { child -= 1 }
      items[begin + hole] = items[begin + child]
      hole = child
    }
    while hole > top, items[begin + (hole - 1) / 2].weight > item.weight {
      items[begin + hole] = items[begin + (hole - 1) / 2]
      hole = (hole - 1) / 2
    }
    items[begin + hole] = item
  }
}
