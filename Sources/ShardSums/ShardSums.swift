import RoutingTrace

/// The integers that a command's figures of one shard follow from: named arrays, and what shards
/// must agree in to be added.
///
/// ```swift
/// var sums = ShardSums(.evaluate, shape: shape)
/// sums.settings["predictors"] = ["layer-markov"]
/// sums.set("events", [UInt64(7), 8], shape: [1, 2])
/// let events: [UInt64] = try sums.values("events", shape: [1, 2])
/// ```
///
/// What the arrays mean, and how those of two shards are added, is known to who makes them
/// (`Prequential`, `Insight`); as files they are NumPy archives (<doc:ShardSumsFile>).
public struct ShardSums: Hashable, Sendable {
  /// The command that the sums are of, whose figures they become.
  public enum Kind: String, Codable, Sendable {
    /// Of `moecast evaluate`: scores of a model that stayed as it was.
    case evaluate
    /// Of `moecast compare`: scores by group of requests, of predictors that began with nothing.
    case compare
    /// Of `moecast analyze`: how often experts were chosen, and after which.
    case analyze
  }

  /// An array as it stands in the file.
  struct Stored: Hashable, Sendable {
    /// NumPy's name of the element type, such as `<u8`.
    var element: String
    /// The extents of the axes, slowest first.
    var shape: [Int]
    /// The elements, row-major, little-endian.
    var bytes: [UInt8]
  }

  /// The command that the sums are of.
  public let kind: Kind
  /// The shape of the shard's traces.
  public let shape: TraceShape
  /// Lists of words under names of their own: predictors, tasks, parts of mixtures.
  public var settings: [String: [String]] = [:]
  /// The arrays by name.
  private(set) var arrays: [String: Stored] = [:]

  /// Sums of nothing yet.
  public init(_ kind: Kind, shape: TraceShape) {
    self.kind = kind
    self.shape = shape
  }

  /// Sums as they stand in a file.
  init(_ kind: Kind, shape: TraceShape, settings: [String: [String]], arrays: [String: Stored]) {
    (self.kind, self.shape, self.settings, self.arrays) = (kind, shape, settings, arrays)
  }

  /// Keeps an array.
  ///
  /// - Precondition: there are as many values as the shape has places.
  /// - Complexity: O(`values`).
  public mutating func set<Value: SumElement>(_ name: String, _ values: [Value], shape: [Int]) {
    precondition(values.count == shape.reduce(1, *), "a value a place of the shape")
    arrays[name] = Stored(
      element: Value.elementName, shape: shape, bytes: values.withUnsafeBytes { Array($0) })
  }

  /// Keeps one number.
  public mutating func set(_ name: String, _ value: UInt64) { set(name, [value], shape: [1]) }

  /// The array of this name, element type and shape.
  ///
  /// - Parameter shape: the extents that it must have; -1 for any.
  /// - Throws: ``ShardSumsError`` where it is missing or another, or where its values together pass
  ///   2^62, which no stream's do: so no sum of them overflows.
  /// - Complexity: O(values).
  public func values<Value: SumElement>(
    _ name: String, shape: [Int]
  ) throws(ShardSumsError) -> [Value] {
    guard let array = arrays[name] else {
      throw ShardSumsError("it has no array \(name)", remedy: ShardSumsError.again)
    }
    guard array.element == Value.elementName, array.shape.count == shape.count,
      zip(array.shape, shape).allSatisfy({ $1 < 0 || $0 == $1 })
    else {
      throw ShardSumsError(
        "its array \(name) is \(array.element) of shape \(array.shape), "
          + "not \(Value.elementName) of \(shape)", remedy: ShardSumsError.again)
    }
    let count = array.bytes.count / MemoryLayout<Value>.stride
    let values = [Value](unsafeUninitializedCapacity: count) { target, filled in
      UnsafeMutableRawBufferPointer(target).copyBytes(from: array.bytes)
      filled = count
    }
    guard Value.areWithinReach(values) else { throw .full }
    return values
  }

  /// The number of this name.
  ///
  /// - Throws: ``ShardSumsError`` as ``values(_:shape:)``.
  public func number(_ name: String) throws(ShardSumsError) -> UInt64 {
    let values: [UInt64] = try values(name, shape: [1])
    return values[0]
  }

  /// The words of a setting.
  ///
  /// - Throws: ``ShardSumsError`` where there is none of this name.
  public func words(_ name: String) throws(ShardSumsError) -> [String] {
    guard let words = settings[name] else {
      throw ShardSumsError("it does not tell its \(name)", remedy: ShardSumsError.again)
    }
    return words
  }
}

/// A number that arrays of sums hold.
public protocol SumElement: BitwiseCopyable {
  /// NumPy's name of the type.
  static var elementName: String { get }
  /// Whether the values together stay below 2^62.
  static func areWithinReach(_ values: [Self]) -> Bool
}

extension UInt32: SumElement {
  /// `<u4`: 32 bits, little-endian.
  public static var elementName: String { "<u4" }
  /// Always: an array has fewer than 2^30 of them.
  public static func areWithinReach(_ values: [UInt32]) -> Bool { true }
}

extension UInt64: SumElement {
  /// `<u8`: 64 bits, little-endian.
  public static var elementName: String { "<u8" }
  /// Whether their sum is below 2^62.
  public static func areWithinReach(_ values: [UInt64]) -> Bool {
    var sum: UInt64 = 0
    for value in values {
      let (next, overflow) = sum.addingReportingOverflow(value)
      guard !overflow, next < 1 << 62 else { return false }
      sum = next
    }
    return true
  }
}

extension Float: SumElement {
  /// `<f4`: single precision, little-endian.
  public static var elementName: String { "<f4" }
  /// Whether all are finite; they are compared and not added.
  public static func areWithinReach(_ values: [Float]) -> Bool { values.allSatisfy(\.isFinite) }
}
