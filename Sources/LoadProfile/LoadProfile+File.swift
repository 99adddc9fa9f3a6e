import DurableFile
import HDF5
import PathText
import SystemPackage

/// Load profiles as HDF5 files; the schema is in <doc:LoadProfileFile>.
extension LoadProfile {
  /// What the root's `encoding-type` says.
  public static let encodingType = "moecast-load-profile"
  /// What the root's `encoding-version` says.
  public static let encodingVersion = "1.0"

  /// The largest file that is read, in bytes.
  private static let mostBytes = 2 << 30
  private static let limits = H5Limits(datasetBytes: Limit.counts * 8, totalBytes: 3 << 30)

  /// The bytes of the profile's file; the same profile gives the same bytes.
  ///
  /// - Throws: ``LoadProfileError`` where libhdf5 is not there or refuses it.
  /// - Complexity: O(counts).
  public func bytes() throws(LoadProfileError) -> [UInt8] {
    do throws(H5Error) {
      let file = try H5File(limits: Self.limits)
      let root = try file.rootGroup()
      try root.set("encoding-type", to: Self.encodingType)
      try root.set("encoding-version", to: Self.encodingVersion)
      try root.set(
        "description",
        to:
          "How often each expert of each MoE layer was chosen. Counts only: which experts a token "
          + "took is not in it.")
      try root.set("model", to: model)
      try root.set("experts", to: UInt32(experts))
      // 0: not known.
      try root.set("top_k", to: UInt32(topK ?? 0))
      try root.set("window_kind", to: windowKind)
      let names = provenance.keys.sorted()
      let origin = try root.createGroup("provenance")
      for name in names { try origin.set(name, to: provenance[name] ?? "") }
      let layer = try scale("model_layer", layers.map { UInt32($0) }, in: root)
      let expert = try scale("expert", Array(0..<UInt32(experts)), in: root)
      let shape = [layers.count, experts]
      let total = try root.create(
        "counts", totals, shape: shape, layout: .rows(of: shape, elementSize: 8))
      try total.set("unit", to: "choices")
      try total.attach(layer, toAxis: 0)
      try total.attach(expert, toAxis: 1)
      let window = try scale("window", windows, in: root)
      if windows.count > 1 {
        let each = try root.create(
          "window_counts", counts, shape: [windows.count] + shape,
          layout: .rows(of: [windows.count] + shape, elementSize: 8))
        try each.set("unit", to: "choices")
        try each.attach(window, toAxis: 0)
        try each.attach(layer, toAxis: 1)
        try each.attach(expert, toAxis: 2)
      }
      return try file.bytes()
    } catch {
      throw LoadProfileError(error)
    }
  }

  /// A dataset that names an axis.
  private func scale<Value: H5Element>(
    _ name: String, _ values: [Value], in group: borrowing H5Group
  ) throws(H5Error) -> H5Dataset {
    let dataset = try group.create(name, values, shape: [values.count])
    try dataset.makeScale(name)
    return dataset
  }

  /// Whether the file at `path` says of itself that it is a load profile. Nothing but its beginning
  /// is read, where the root's attributes stand.
  public static func isProfile(_ path: String) -> Bool {
    // A FIFO would hold up the opening, so look before.
    guard (try? FilePath(text: path).stat().type) == .regular,
      let beginning = try? firstBytes(of: FilePath(text: path), count: 4096)
    else { return false }
    return beginning.starts(with: [0x89] + Array("HDF\r\n\u{1A}\n".utf8))
      && beginning.firstRange(of: Array(encodingType.utf8)) != nil
  }

  /// The profile in the file at `path`.
  ///
  /// - Throws: ``LoadProfileError`` where it cannot be read, is something else, or contradicts
  ///   itself.
  /// - Complexity: O(bytes of the file).
  public init(path: String) throws(LoadProfileError) {
    let file = try Self.open(path)
    do throws(H5Error) {
      let root = try file.rootGroup()
      guard try root.hasAttribute("encoding-type"),
        try root.string("encoding-type") == Self.encodingType
      else {
        throw H5Error(.mismatch, at: "/@encoding-type", "does not say \(Self.encodingType)")
      }
      let version = try root.string("encoding-version")
      guard version.hasPrefix("1.") else {
        throw H5Error(.mismatch, at: "/@encoding-version", "is \(version), and 1 is read")
      }
      let layers = try root.dataset("model_layer").read(UInt32.self).map { Int($0) }
      let windows = try root.dataset("window").read(Int64.self)
      let topK = Int(try root.number("top_k", as: UInt32.self))
      let experts = Int(try root.number("experts", as: UInt32.self))
      let total = try root.dataset("counts")
      let counts = try total.read(UInt64.self)
      let each = windows.count > 1 ? try root.dataset("window_counts").read(UInt64.self) : counts
      var provenance: [String: String] = [:]
      let origin = try root.group("provenance")
      for name in Self.provenanceNames where try origin.hasAttribute(name) {
        provenance[name] = try origin.string(name)
      }
      do throws(LoadProfileError) {
        self = try LoadProfile(
          model: try? root.string("model"), layers: layers, experts: experts,
          topK: topK == 0 ? nil : topK, windowKind: try? root.string("window_kind"),
          windows: windows, counts: each, provenance: provenance)
      } catch {
        throw H5Error(.mismatch, at: "/counts", error.problem)
      }
      guard total.shape == [layers.count, experts], counts == totals else {
        throw H5Error(.mismatch, at: "/counts", "is not the sum of its windows")
      }
    } catch {
      throw LoadProfileError(error).of(path)
    }
  }

  /// What a profile tells of where it comes from.
  private static let provenanceNames = ["format", "source", "software"]

  private init(
    model: String?, layers: [Int], experts: Int, topK: Int?, windowKind: String?,
    windows: [Int64], counts: [UInt64], provenance: [String: String]
  ) throws(LoadProfileError) {
    try self.init(
      model: model ?? "", layers: layers, experts: experts, topK: topK,
      windowKind: windowKind ?? "whole", windows: windows, counts: counts, provenance: provenance)
  }

  /// The file at `path`, in memory.
  private static func open(_ path: String) throws(LoadProfileError) -> H5File {
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try ReadableFile(FilePath(text: path), limit: mostBytes).bytes()
    } catch {
      throw LoadProfileError(
        file: path, error.problem + (error.code.map { ": \($0)" } ?? ""), remedy: error.remedy)
    }
    do throws(H5Error) { return try H5File(bytes: bytes, limits: limits) } catch {
      throw LoadProfileError(error).of(path)
    }
  }
}

extension LoadProfileError {
  /// What HDF5 says.
  fileprivate init(_ error: H5Error) {
    self.init(
      error.kind == .unavailable ? "\(error), and load profiles are HDF5 files" : "\(error)",
      remedy: error.kind == .unavailable
        ? "install HDF5's high-level library, on Debian by `apt install libhdf5-hl-100`"
        : "import the counts again with `moecast import`")
  }
}
