import Counting
import Forecast
import HDF5
import Prequential
import RoutingTrace

/// The predictors with state of their own, each in a group of its name: `mixtures/mixture`.
enum PredictorsComponent: Component {
  static let groups = ["mixtures"]

  /// Writes a group for each predictor with state of its own.
  static func write(_ learner: Learner, to file: borrowing ModelWriter) throws(H5Error) {
    guard !learner.models.isEmpty else { return }
    let group = try file.group("mixtures")
    for (spec, model) in zip(learner.specs.filter { $0.settings != nil }, learner.models) {
      var coder = Writing(group: GroupWriter(try group.group.createGroup(spec.name)))
      var model = model
      try model.code(with: &coder, places: learner.requests.places)
      try coder.group.finish()
    }
    try group.finish()
  }

  /// Comes after ``CountsComponent`` and ``RequestsComponent``, which say what was chosen and how
  /// many requests have state.
  static func read(
    into state: inout LearnerState, from file: borrowing ModelReader
  ) throws(H5Error) {
    let header = file.header
    let places = state.requests.places
    guard !header.specs.settings.isEmpty else { return }
    let group = try file.group("mixtures")
    var names: Set<String> = []
    for spec in header.specs {
      guard let settings = spec.settings else { continue }
      names.insert(spec.name)
      var coder = Reading(group: GroupReader(try group.group.group(spec.name)))
      // A fresh model is as large as its shape says before any of it is read, so the file must hold
      // that much: a small file cannot ask for much memory.
      let stored = try coder.storedBytes()
      let needed = settings.codedBytes(shape: header.shape, tokens: 0, places: places)
      guard stored >= needed else {
        throw H5Error(
          .mismatch, at: "/mixtures/\(spec.name)",
          "stores \(stored) bytes of \(needed) for its shape")
      }
      var model = LearntModel(settings, shape: header.shape)
      try model.code(with: &coder, places: places)
      try coder.group.finish()
      if let fault = model.model.fault(
        tokens: Int(header.tokens), chosen: state.counts.map(\.frequency))
      {
        throw H5Error(.mismatch, at: "/mixtures/\(spec.name)", fault)
      }
      state.models.append(model)
    }
    try group.finish(groups: names)
  }
}

/// Writes a predictor's columns into a group.
private struct Writing: StateCoder, ~Copyable {
  static var isReader: Bool { false }
  var group: GroupWriter

  mutating func code(
    _ name: String, _ values: inout [UInt64], note: String
  ) throws(H5Error) { try group.createColumn(name, values, note: note) }

  mutating func code(
    _ name: String, _ values: inout [UInt32], note: String
  ) throws(H5Error) { try group.createColumn(name, values, note: note) }

  mutating func code(
    _ name: String, _ values: inout [Int32], note: String
  ) throws(H5Error) { try group.createColumn(name, values.map { Int64($0) }, note: note) }

  mutating func code(
    _ name: String, _ values: inout [Float], note: String
  ) throws(H5Error) { try group.createColumn(name, values, note: note) }
}

/// Reads a predictor's columns from a group.
private struct Reading: StateCoder, ~Copyable {
  static var isReader: Bool { true }
  var group: GroupReader

  mutating func code(
    _ name: String, _ values: inout [UInt64], note: String
  ) throws(H5Error) { values = try group.read(name, shape: [values.count]) }

  mutating func code(
    _ name: String, _ values: inout [UInt32], note: String
  ) throws(H5Error) { values = try group.read(name, shape: [values.count]) }

  mutating func code(
    _ name: String, _ values: inout [Int32], note: String
  ) throws(H5Error) {
    let wide: [Int64] = try group.read(name, shape: [values.count])
    guard wide.allSatisfy({ Int32(exactly: $0) != nil }) else {
      throw H5Error(.mismatch, at: group.path + "/" + name, "holds a number beyond 32 bits")
    }
    values = wide.map { Int32(truncatingIfNeeded: $0) }
  }

  mutating func code(
    _ name: String, _ values: inout [Float], note: String
  ) throws(H5Error) { values = try group.read(name, shape: [values.count]) }

  /// Bytes of all columns, decoded, which are stored.
  func storedBytes() throws(H5Error) -> Int {
    var bytes = 0
    for name in try group.group.names() { bytes += try group.group.dataset(name).storedBytes() }
    return bytes
  }
}
