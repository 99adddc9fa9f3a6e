/// An array of numbers that begins at a cache line's start; the tables of counts and weights are
/// such.
///
/// Rows of whole lines are then read and written without touching one line twice: an `Array` begins
/// anywhere at a multiple of 16 bytes, where vectors of 32 lie across two lines. Copies share
/// memory until one of them is written to.
@usableFromInline
package struct AlignedArray<Element: BitwiseCopyable & Hashable & Sendable>: Sendable {
  /// The memory, shared with copies until one is written to.
  @usableFromInline package var storage: Storage

  /// `count` copies of `value`.
  package init(repeating value: Element, count: Int) {
    storage = Storage(count)
    storage.first.initialize(repeating: value, count: count)
  }

  /// The elements of `values`, copied.
  package init(_ values: [Element]) {
    storage = Storage(values.count)
    _ = UnsafeMutableBufferPointer(start: storage.first, count: values.count)
      .initialize(from: values)
  }

  /// How many elements there are.
  @inlinable package var count: Int { storage.count }

  /// Lends the elements for reading.
  @inlinable @inline(__always)
  package func withUnsafeBufferPointer<Result>(
    _ body: (UnsafeBufferPointer<Element>) throws -> Result
  ) rethrows -> Result {
    let result = try body(UnsafeBufferPointer(start: storage.first, count: storage.count))
    withExtendedLifetime(storage) {}
    return result
  }

  /// Lends the elements for writing; they are copied first where another value shares them.
  @inlinable @inline(__always)
  package mutating func withUnsafeMutableBufferPointer<Result>(
    _ body: (UnsafeMutableBufferPointer<Element>) throws -> Result
  ) rethrows -> Result {
    if !isKnownUniquelyReferenced(&storage) { copy() }
    let result = try body(UnsafeMutableBufferPointer(start: storage.first, count: storage.count))
    withExtendedLifetime(storage) {}
    return result
  }

  /// The elements at `range`, which must lie inside.
  package func values(at range: Range<Int>) -> [Element] {
    withUnsafeBufferPointer { Array($0[range]) }
  }

  /// A copy of all elements.
  package var values: [Element] {
    get { withUnsafeBufferPointer { Array($0) } }
    set { self = AlignedArray(newValue) }
  }

  /// Gives this value memory of its own.
  @inline(never) @usableFromInline
  package mutating func copy() {
    let copy = Storage(count)
    copy.first.initialize(from: storage.first, count: count)
    storage = copy
  }

  /// Memory that only a single owner writes to.
  @usableFromInline package final class Storage: @unchecked Sendable {
    @usableFromInline package let count: Int
    @usableFromInline package let first: UnsafeMutablePointer<Element>

    init(_ count: Int) {
      self.count = count
      first = UnsafeMutableRawPointer.allocate(
        byteCount: max(1, count) * MemoryLayout<Element>.stride, alignment: 64
      ).bindMemory(to: Element.self, capacity: count)
    }

    deinit { first.deallocate() }
  }
}

extension AlignedArray: Hashable {
  @usableFromInline package static func == (left: Self, right: Self) -> Bool {
    left.withUnsafeBufferPointer { left in
      right.withUnsafeBufferPointer { left.elementsEqual($0) }
    }
  }

  @usableFromInline package func hash(into hasher: inout Hasher) {
    withUnsafeBufferPointer { for value in $0 { hasher.combine(value) } }
  }
}
