import RoutingTrace

/// When each access's object is accessed next, without holding the trace: the stream is cut into
/// windows, and before the accesses are written a first pass notes when each window accesses each
/// object first.
///
/// Memory: eight bytes an object and window, and four bytes an access of one window. A window has
/// ``share`` accesses an object, so the tables take an eighth of a byte an access.
struct NextAccesses {
  /// Accesses of a window for every object there is.
  private static let share = 64

  /// Accesses of a window; a block begins no new one before it is full.
  private let window: Int
  private let objects: Int
  /// By window: the first access of each object, ``never`` for none; once settled, the first in that
  /// window or behind it.
  private var firsts: [[Int]] = []
  /// Accesses of the last window so far.
  private var filled = 0
  private var isSettled = false

  /// The next access of what is never accessed again.
  static let never = -1

  /// - Parameter objects: how many there may be, numbered from 0.
  init(objects: Int, window: Int? = nil) {
    self.objects = objects
    self.window = window ?? min(objects * Self.share, 1 << 24)
  }

  /// What the tables take, one being made among them.
  var bytes: Int { (firsts.count + 1) * objects * MemoryLayout<Int>.stride }

  /// Begins a block of the first pass: a window that is full ends before it.
  mutating func beginBlock() {
    guard firsts.isEmpty || filled >= window else { return }
    firsts.append(Array(repeating: Self.never, count: objects))
    filled = 0
  }

  /// Notes an access of the first pass.
  mutating func note(_ object: Int, at access: Int) {
    filled += 1
    let last = firsts.count - 1
    if firsts[last][object] == Self.never { firsts[last][object] = access }
  }

  /// Whether a window that holds so many accesses is full: the second pass cuts as the first.
  func isFull(_ accesses: Int) -> Bool { accesses >= window }

  /// When each access of the next window, whose objects these are, comes again.
  ///
  /// - Parameters:
  ///   - ordinal: of the window.
  ///   - first: the number of its first access.
  /// - Complexity: O(accesses of the window + objects).
  mutating func next(inWindow ordinal: Int, from first: Int, _ accesses: [UInt32]) -> [Int] {
    settle()
    var ahead =
      ordinal + 1 < firsts.count
      ? firsts[ordinal + 1] : Array(repeating: Self.never, count: objects)
    // What lies behind is not asked for again.
    if firsts.indices.contains(ordinal) { firsts[ordinal] = [] }
    var next = Array(repeating: Self.never, count: accesses.count)
    for index in accesses.indices.reversed() {
      let object = Int(accesses[index])
      next[index] = ahead[object]
      ahead[object] = first + index
    }
    return next
  }

  /// Makes every window's table that of the window and all behind it.
  private mutating func settle() {
    guard !isSettled else { return }
    isSettled = true
    for window in firsts.indices.dropLast().reversed() {
      for object in 0..<objects where firsts[window][object] == Self.never {
        firsts[window][object] = firsts[window + 1][object]
      }
    }
  }
}
