import Forecast
import HDF5
import Prequential
import RoutingTrace

/// The mixtures, each in a group named by its predictor: `mixtures/mixture`.
enum MixtureComponent: Component {
  static let groups = ["mixtures"]

  static func write(_ learner: Learner, to file: borrowing ModelWriter) throws(H5Error) {
    guard !learner.mixtures.isEmpty else { return }
    let names = names(learner.predictors)
    let group = try file.group("mixtures")
    for (name, mixture) in zip(names, learner.mixtures) {
      var coder = Writing(group: GroupWriter(try group.group.createGroup(name)))
      var mixture = mixture
      try mixture.code(with: &coder)
      try coder.group.finish()
    }
    try group.finish()
  }

  static func read(
    into state: inout LearnerState, from file: borrowing ModelReader
  ) throws(H5Error) {
    let names = names(file.header.predictors)
    guard !names.isEmpty else { return }
    let group = try file.group("mixtures")
    for name in names {
      guard let options = MixtureOptions(name: name) else { continue }
      var coder = Reading(group: GroupReader(try group.group.group(name)))
      // A fresh mixture has its full size before any of it is read, so its columns must be there.
      let stored = try coder.storedBytes()
      let needed = Mixture.codedBytes(
        shape: file.header.shape, options: options, tokens: 0, places: try coder.places(), live: 0)
      guard stored >= needed else {
        throw H5Error(
          .mismatch, at: "/mixtures/\(name)", "stores \(stored) bytes of \(needed) for its shape")
      }
      var mixture = Mixture(shape: file.header.shape, options: options)
      try mixture.code(with: &coder)
      try coder.group.finish()
      if let fault = mixture.fault(
        tokens: Int(file.header.tokens), chosen: state.counts.map(\.frequency))
      {
        throw H5Error(.mismatch, at: "/mixtures/\(name)", fault)
      }
      state.mixtures.append(mixture)
    }
    try group.finish(groups: Set(names))
  }

  private static func names(_ predictors: [String]) -> [String] {
    predictors.filter { MixtureOptions(name: $0) != nil }
  }
}

/// Writes a mixture's columns into a group.
private struct Writing: MixtureCoder, ~Copyable {
  static var isReader: Bool { false }
  var group: GroupWriter

  mutating func code(
    _ name: String, _ values: inout [UInt64], isOpen: Bool, note: String
  ) throws(H5Error) { try group.createColumn(name, values, note: note) }

  mutating func code(
    _ name: String, _ values: inout [UInt32], isOpen: Bool, note: String
  ) throws(H5Error) { try group.createColumn(name, values, note: note) }

  mutating func code(
    _ name: String, _ values: inout [Int32], isOpen: Bool, note: String
  ) throws(H5Error) { try group.createColumn(name, values.map { Int64($0) }, note: note) }

  mutating func code(
    _ name: String, _ values: inout [Float], isOpen: Bool, note: String
  ) throws(H5Error) { try group.createColumn(name, values, note: note) }
}

/// Reads a mixture's columns from a group.
private struct Reading: MixtureCoder, ~Copyable {
  static var isReader: Bool { true }
  /// More live requests than any options ask for.
  private static let mostOpen = 1 << 16
  var group: GroupReader

  mutating func code(
    _ name: String, _ values: inout [UInt64], isOpen: Bool, note: String
  ) throws(H5Error) { values = try read(name, count: isOpen ? nil : values.count) }

  mutating func code(
    _ name: String, _ values: inout [UInt32], isOpen: Bool, note: String
  ) throws(H5Error) { values = try read(name, count: isOpen ? nil : values.count) }

  mutating func code(
    _ name: String, _ values: inout [Int32], isOpen: Bool, note: String
  ) throws(H5Error) {
    let wide: [Int64] = try read(name, count: isOpen ? nil : values.count)
    guard wide.allSatisfy({ Int32(exactly: $0) != nil }) else {
      throw H5Error(.mismatch, at: group.path + "/" + name, "holds a number beyond 32 bits")
    }
    values = wide.map { Int32(truncatingIfNeeded: $0) }
  }

  mutating func code(
    _ name: String, _ values: inout [Float], isOpen: Bool, note: String
  ) throws(H5Error) { values = try read(name, count: isOpen ? nil : values.count) }

  /// Bytes of all columns, decoded, which are stored.
  func storedBytes() throws(H5Error) -> Int {
    var bytes = 0
    for name in try group.group.names() { bytes += try group.group.dataset(name).storedBytes() }
    return bytes
  }

  /// Places of live requests that the columns are said to have.
  func places() throws(H5Error) -> Int {
    let book: [UInt64] = try group.group.dataset("book").read(shape: [2])
    return Int(clamping: book[1])
  }

  private mutating func read<Value: H5Element>(
    _ name: String, count: Int?
  ) throws(H5Error) -> [Value] {
    guard let count else { return try group.column(name, limit: Self.mostOpen) }
    return try group.read(name, shape: [count])
  }
}
