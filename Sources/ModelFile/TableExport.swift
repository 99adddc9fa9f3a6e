import Forecast
import Prequential
import RoutingTrace

/// A model's tables in formats that simulators and scripts read.
public enum TableExport: String, CaseIterable, Sendable {
  /// NumPy's archive: `c[l, j]`, `C[l, i, j]`, `D[l, i, j]` as uint32 (the tables that are kept) and
  /// `model_layers[l]`.
  case npz
  /// One line a count that is not zero, with the header
  /// `table,layer,given_layer,given_expert,expert,count`; layers are model layer numbers.
  case csv

  /// The first bytes of every file in the format.
  public var beginning: [UInt8] {
    switch self {
    case .npz: [0x50, 0x4B, 0x03, 0x04]
    case .csv: Array(Self.csvHeader.utf8)
    }
  }

  private static let csvHeader = "table,layer,given_layer,given_expert,expert,count"

  /// Hands the bytes of `learner`'s tables to `sink`, piece by piece; the same for the same learner.
  ///
  /// - Throws: what `sink` throws, or ``ExportError``.
  public func write(_ learner: Learner, to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
    switch self {
    case .npz: try Self.writeNPZ(learner, to: sink)
    case .csv: try Self.writeCSV(learner, to: sink)
    }
  }

  private static func writeNPZ(
    _ learner: Learner, to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let (layers, experts) = (learner.shape.layers, learner.shape.experts)
    let counts = learner.layers.map(\.counts)
    var archive = ZipWriter()
    let numbers = learner.shape.modelLayers.map { UInt32($0) }
    try archive.add("model_layers.npy", npy(numbers, shape: [layers]), to: sink)
    try archive.add(
      "c.npy", npy(counts.flatMap(\.frequency), shape: [layers, experts]), to: sink)
    let pairs = [layers, experts, experts]
    for (name, tables) in [("C", counts.map(\.layerPairs)), ("D", counts.map(\.tokenPairs))] {
      let kept = tables.compactMap(\.self)
      guard kept.count == layers else { continue }
      try archive.add("\(name).npy", npy(kept.flatMap(\.self), shape: pairs), to: sink)
    }
    try archive.finish(to: sink)
  }

  /// The bytes of a `.npy` file (NEP 1, version 1.0): magic, header padded to 64, values.
  private static func npy(_ values: [UInt32], shape: [Int]) -> [UInt8] {
    let lengths = shape.map { "\($0)," }.joined(separator: " ")
    var header = "{'descr': '<u4', 'fortran_order': False, 'shape': (\(lengths)), }"
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
    bytes += [UInt8(header.utf8.count & 0xFF), UInt8(header.utf8.count >> 8)]
    bytes += header.utf8
    values.withUnsafeBytes { bytes += $0 }
    return bytes
  }

  private static func writeCSV(
    _ learner: Learner, to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var lines = CSVLines()
    lines.add(csvHeader)
    let numbers = learner.shape.modelLayers
    for (layer, own) in learner.layers.enumerated() {
      for (expert, count) in own.counts.frequency.enumerated() where count > 0 {
        lines.add("frequency,\(numbers[layer]),,,\(expert),\(count)")
      }
    }
    let tables = [
      ("layer-markov", 1, learner.layers.map(\.counts.layerPairs)),
      ("token-markov", 0, learner.layers.map(\.counts.tokenPairs)),
    ]
    for (name, back, layers) in tables {
      for (layer, table) in layers.enumerated() where layer >= back {
        guard let table else { continue }
        let place = "\(name),\(numbers[layer]),\(numbers[layer - back])"
        for (cell, count) in table.enumerated() where count > 0 {
          let experts = learner.shape.experts
          lines.add("\(place),\(cell / experts),\(cell % experts),\(count)")
          try lines.flush(beyond: 64 << 10, to: sink)
        }
      }
    }
    try lines.flush(beyond: 0, to: sink)
  }
}

/// Lines of text that wait to be handed on.
private struct CSVLines {
  private var text: [UInt8] = []

  mutating func add(_ line: String) {
    text += line.utf8
    text.append(UInt8(ascii: "\n"))
  }

  /// Hands on what waits if it is more than `count` bytes.
  mutating func flush(
    beyond count: Int, to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    guard text.count > count else { return }
    try text.withUnsafeBytes { try sink($0) }
    text.removeAll(keepingCapacity: true)
  }
}
