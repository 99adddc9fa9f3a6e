/// How often each expert of each layer was chosen, in one or several windows of time: what is left
/// of routing where only counts were recorded.
///
/// ```swift
/// let profile = try LoadProfile(
///   model: "my-moe", layers: [1, 2], experts: 4, counts: [3, 1, 0, 0, 2, 2, 0, 0])
/// let file = try profile.bytes()
/// ```
///
/// Which experts a token took together is not in it, nor which follow each other: forecasts cannot
/// be learnt from it, but loads can be looked at and balanced.
public struct LoadProfile: Equatable, Sendable {
  /// The model's name, or empty.
  public let model: String
  /// The MoE layers by the model's own numbers, ascending.
  public let layers: [Int]
  /// Experts of a layer (E).
  public let experts: Int
  /// Experts a token takes (K), where it is known: then counts tell tokens.
  public let topK: Int?
  /// What a window is, in a word of the source: `step`, `iteration`, `pass`, or `whole`.
  public let windowKind: String
  /// The numbers of the windows, as the source counts them.
  public let windows: [Int64]
  /// `[window, layer, expert]`: how often the expert was chosen.
  public let counts: [UInt64]
  /// Where it comes from: `format`, `source` and others, by their names.
  public let provenance: [String: String]

  /// Limits of what is read and written.
  public enum Limit {
    /// Counts of a profile: 1 GB.
    public static let counts = 1 << 27
    /// MoE layers, and experts of a layer.
    public static let layers = 4096, experts = 32_768
  }

  /// A profile of counts `[window, layer, expert]`; one window of all unless told.
  ///
  /// - Throws: ``LoadProfileError`` where the counts do not fit the axes, an axis is empty or too
  ///   long, layers do not ascend, or the counts of an expert go beyond 64 bits.
  public init(
    model: String = "", layers: [Int], experts: Int, topK: Int? = nil, windowKind: String = "whole",
    windows: [Int64] = [0], counts: [UInt64], provenance: [String: String] = [:]
  ) throws(LoadProfileError) {
    guard (1...Limit.layers).contains(layers.count), (1...Limit.experts).contains(experts),
      !windows.isEmpty
    else {
      throw LoadProfileError(
        "it has \(layers.count) layers of \(experts) experts in \(windows.count) windows; 1 to "
          + "\(Limit.layers) layers, 1 to \(Limit.experts) experts and a window are possible")
    }
    guard zip(layers, layers.dropFirst()).allSatisfy({ $0 < $1 }), layers[0] >= 0,
      layers[layers.count - 1] <= 65_535
    else {
      throw LoadProfileError("its layers \(layers.prefix(8)) do not ascend within 0 to 65535")
    }
    let (size, overflow) = (layers.count * experts).multipliedReportingOverflow(by: windows.count)
    guard !overflow, size <= Limit.counts else {
      throw LoadProfileError(
        "it has \(windows.count) windows of \(layers.count * experts) counts; \(Limit.counts) counts "
          + "are possible", remedy: "record fewer windows")
    }
    guard counts.count == size else {
      throw LoadProfileError(
        "it has \(counts.count) counts for \(windows.count) windows of \(layers.count) layers of "
          + "\(experts) experts")
    }
    if let topK {
      guard (1...experts).contains(topK) else {
        throw LoadProfileError("its tokens cannot take \(topK) of \(experts) experts")
      }
    }
    guard Self.totals(counts, width: layers.count * experts) != nil else {
      throw LoadProfileError("its counts go beyond 64 bits")
    }
    (self.model, self.layers, self.experts, self.topK) = (model, layers, experts, topK)
    (self.windowKind, self.windows, self.counts) = (windowKind, windows, counts)
    self.provenance = provenance
  }

  /// `[layer, expert]`: the counts of all windows together.
  ///
  /// - Complexity: O(counts).
  public var totals: [UInt64] {
    Self.totals(counts, width: layers.count * experts) ?? []
  }

  /// All choices that were counted.
  public var choices: UInt64 { totals.reduce(0, &+) }

  /// The counts of all windows together; nil where all choices go beyond 64 bits.
  private static func totals(_ counts: [UInt64], width: Int) -> [UInt64]? {
    var totals = [UInt64](repeating: 0, count: width)
    for first in stride(from: 0, to: counts.count, by: width) {
      for at in 0..<width {
        let (sum, overflow) = totals[at].addingReportingOverflow(counts[first + at])
        guard !overflow else { return nil }
        totals[at] = sum
      }
    }
    var sum: UInt64 = 0
    for count in totals {
      let (next, overflow) = sum.addingReportingOverflow(count)
      guard !overflow else { return nil }
      sum = next
    }
    return totals
  }
}

/// Why a load profile cannot be made, written or read.
public struct LoadProfileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file, where there is one.
  public var file: String?
  /// What is wrong, as a clause for messages.
  public let problem: String
  /// What the user can do.
  public let remedy: String

  /// An error; unless told otherwise the remedy is to import the source again.
  public init(
    file: String? = nil, _ problem: String, remedy: String = "import or record it again"
  ) {
    (self.file, self.problem, self.remedy) = (file, problem, remedy)
  }

  /// One line for people.
  public var description: String { (file.map { "\($0): " } ?? "") + "\(problem); \(remedy)" }

  /// The same of a file.
  func of(_ file: String) -> LoadProfileError {
    var copy = self
    copy.file = file
    return copy
  }
}
