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
      var coder = Writing(GroupWriter(try group.group.createGroup(spec.name)), file)
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
      var coder = Reading(
        GroupReader(try group.group.group(spec.name)), withoutAxes: header.version < 3)
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

/// Writes a predictor's tables into a group, and beside them the axes that are its own.
private struct Writing: TableCoder, ~Copyable {
  static var isReader: Bool { false }
  var group: GroupWriter
  /// By name: those of the model, and those of the group that were written.
  private var axes: [String: Axis]

  init(_ group: consuming GroupWriter, _ file: borrowing ModelWriter) {
    self.group = group
    axes = ["layer": file.layer, "expert": file.expert, "given_expert": file.givenExpert]
  }

  /// The axes of a table, written where they were not.
  private mutating func written(_ axes: [StateAxis]) throws(H5Error) -> [Axis] {
    var written: [Axis] = []
    for axis in axes {
      if let known = self.axes[axis.name] {
        written.append(known)
        continue
      }
      let new =
        switch axis.places {
        case .names(let names): try group.createAxis(axis.name, names, note: axis.note)
        case .numbers, .ofModel:
          try group.createAxis(
            axis.name, (0..<axis.count).map { UInt32($0) }, note: axis.note)
        }
      self.axes[axis.name] = new
      written.append(new)
    }
    return written
  }

  mutating func code(
    _ name: String, _ values: inout [UInt64], axes: [StateAxis], note: String
  ) throws(H5Error) { try group.create(name, values, axes: try written(axes), note: note) }

  mutating func code(
    _ name: String, _ values: inout [UInt32], axes: [StateAxis], note: String
  ) throws(H5Error) { try group.create(name, values, axes: try written(axes), note: note) }

  mutating func code(
    _ name: String, _ values: inout [Int32], axes: [StateAxis], note: String
  ) throws(H5Error) {
    try group.create(name, values.map { Int64($0) }, axes: try written(axes), note: note)
  }

  mutating func code(
    _ name: String, _ values: inout [Float], axes: [StateAxis], note: String
  ) throws(H5Error) { try group.create(name, values, axes: try written(axes), note: note) }
}

/// Reads a predictor's tables from a group, and checks the axes that are its own.
private struct Reading: TableCoder, ~Copyable {
  static var isReader: Bool { true }
  var group: GroupReader
  let takesColumnsWithoutAxes: Bool
  /// Those of the group that were read.
  private var axes: Set<String> = []

  init(_ group: consuming GroupReader, withoutAxes: Bool) {
    self.group = group
    takesColumnsWithoutAxes = withoutAxes
  }

  /// The shape of a table of `count` values, whose own axes must be as they should.
  private mutating func shape(_ count: Int, _ axes: [StateAxis]) throws(H5Error) -> [Int] {
    if takesColumnsWithoutAxes { return [count] }
    for axis in axes where axis.places != .ofModel && self.axes.insert(axis.name).inserted {
      let isRight =
        if case .names(let names) = axis.places {
          try group.strings(axis.name, limit: names.count) == names
        } else {
          try group.places(axis.name) == axis.count
        }
      guard isRight else {
        throw H5Error(
          .mismatch, at: group.path + "/" + axis.name, "is not the axis '\(axis.note)'")
      }
    }
    return axes.map(\.count)
  }

  mutating func code(
    _ name: String, _ values: inout [UInt64], axes: [StateAxis], note: String
  ) throws(H5Error) {
    values = try group.read(name, shape: try shape(values.count, axes))
  }

  mutating func code(
    _ name: String, _ values: inout [UInt32], axes: [StateAxis], note: String
  ) throws(H5Error) {
    values = try group.read(name, shape: try shape(values.count, axes))
  }

  mutating func code(
    _ name: String, _ values: inout [Int32], axes: [StateAxis], note: String
  ) throws(H5Error) {
    let wide: [Int64] = try group.read(name, shape: try shape(values.count, axes))
    guard wide.allSatisfy({ Int32(exactly: $0) != nil }) else {
      throw H5Error(.mismatch, at: group.path + "/" + name, "holds a number beyond 32 bits")
    }
    values = wide.map { Int32(truncatingIfNeeded: $0) }
  }

  mutating func code(
    _ name: String, _ values: inout [Float], axes: [StateAxis], note: String
  ) throws(H5Error) {
    values = try group.read(name, shape: try shape(values.count, axes))
  }

  /// Bytes of all tables, decoded, which are stored; axes of names are no tables.
  func storedBytes() throws(H5Error) -> Int {
    var bytes = 0
    for name in try group.group.names() {
      let dataset = try group.group.dataset(name)
      if dataset.elementType != nil { bytes += try dataset.storedBytes() }
    }
    return bytes
  }
}
