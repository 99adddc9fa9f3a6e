import LoadProfile
import PathText
import RoutingTrace
import SystemPackage

/// Foreign counts of experts' choices as one load profile.
///
/// ```swift
/// if let importer = try LoadProfileImporter(["stat.pt"]) {
///   let profile = try importer.profile(options: ImportOptions())
/// }
/// ```
///
/// Several files are added up, window by window of the same number, as the ranks of one run are. The
/// number of experts is that of the counts; a model, where one is given, says which layers route.
public struct LoadProfileImporter {
  /// The format that is read.
  public let format: CountsFormat
  /// Whether the format was guessed from the contents.
  public let isGuessed: Bool
  /// The files, in order.
  public var paths: [String] { files.map(\.path) }
  /// Files in folders that are passed over for their names.
  public let passedOver: Int
  /// Bytes of all files by the file system.
  public var totalBytes: Int { files.reduce(0) { $0 + $1.size } }
  private let files: [FoundFile]

  /// Finds the files.
  ///
  /// - Parameters:
  ///   - inputs: files and folders; `-` is standard input, whose format must be named.
  ///   - wanted: the format, or nil to guess it from the first file.
  /// - Returns: nil where no format is named, and the inputs are in none of counts.
  /// - Throws: ``ImportError`` where an input cannot be read.
  public init?(
    _ inputs: [String], format wanted: CountsFormat? = nil, options: ImportOptions = ImportOptions()
  ) throws(ImportError) {
    // Standard input can be read once only, and is most often a trace.
    if wanted == nil, inputs.contains("-") { return nil }
    let found: [FoundFile]
    do throws(ImportError) {
      // What is in archives is looked at by whoever reads traces.
      found = try SourceFinder.files(
        of: inputs, limit: options.maximumFileSize, opensArchives: false)
    } catch {
      // Whoever reads traces tells what is wrong.
      guard wanted != nil else { return nil }
      throw error
    }
    var named = wanted
    if named == nil { named = Self.guess(found) }
    guard let format = named else { return nil }
    files = found.filter { $0.isNamed || format.type.accepts(fileNamed: $0.name) }
    guard !files.isEmpty else {
      throw ImportError(
        .notATrace, file: inputs.joined(separator: ", "),
        problem: "no file of format \(format.name) is in it", remedy: "name another folder")
    }
    self.format = format
    isGuessed = wanted == nil
    passedOver = found.count - files.count
  }

  /// The format of counts that the first known file is in; nil where that is a trace, or none is
  /// known.
  private static func guess(_ files: [FoundFile]) -> CountsFormat? {
    for file in files {
      // A pipe can be read once only.
      guard (try? FilePath(text: file.path).stat().type) == .regular,
        let head = try? PlainBytes(file).head(1 << 20)
      else { continue }
      let name = file.name
      if let format = CountsFormat.all.first(where: { $0.type.recognises(head, fileNamed: name) }) {
        return format
      }
      let isTrace = ForeignFormat.all.contains { $0.type.recognises(head, fileNamed: name) }
      if isTrace || file.isNamed { return nil }
    }
    return nil
  }

  /// Reads all files.
  ///
  /// - Throws: ``ImportError`` where one cannot be read, contradicts another or the model, or
  ///   nothing was counted.
  /// - Complexity: O(bytes of the files).
  public func profile(options: ImportOptions) throws(ImportError) -> LoadProfile {
    let bytes = FileBytes(limit: options.maximumFileSize)
    var sum: RawCounts?
    var copies = CountsOfFiles()
    for file in files {
      let content: FileBytes
      if let own = file.content {
        content = own
      } else {
        try bytes.read(file.path)
        content = bytes
      }
      let counts = try format.type.counts(in: content.bytes, of: file)
      try copies.refuseCopy(of: counts, file: file.path)
      if let known = sum { sum = try Self.add(counts, of: file, to: known) } else { sum = counts }
    }
    guard let sum else { throw Self.empty(paths.joined(separator: ", ")) }
    return try settle(sum, options: options)
  }

  private static func empty(_ file: String) -> ImportError {
    .counts(
      file, "nothing was counted in any layer",
      remedy: "record again while the engine has requests",
      kind: .recordedNothing)
  }

  /// Both together, window by window.
  private static func add(
    _ counts: RawCounts, of file: FoundFile, to sum: RawCounts
  ) throws(ImportError) -> RawCounts {
    guard counts.layers.count == sum.layers.count, counts.layers == sum.layers,
      counts.experts == sum.experts, counts.topK == sum.topK
    else {
      throw .counts(
        file.path,
        "it has \(counts.layers.count) layers of \(counts.experts) experts, others have "
          + "\(sum.layers.count) of \(sum.experts)",
        remedy: "import the counts of one model at a time, whose files have the same layers",
        kind: .mismatch)
    }
    let width = sum.layers.count * sum.experts
    let windows = Set(sum.windows).union(counts.windows).sorted()
    guard width == 0 || windows.count <= LoadProfile.Limit.counts / width else {
      throw .counts(
        file.path, "together the files have too many windows", remedy: "import fewer at a time",
        kind: .tooLarge)
    }
    let placeOf = Dictionary(uniqueKeysWithValues: windows.enumerated().map { ($1, $0) })
    var all = sum
    all.windows = windows
    all.counts = Array(repeating: 0, count: windows.count * width)
    for part in [sum, counts] {
      for (place, window) in part.windows.enumerated() {
        let (from, to) = (place * width, placeOf[window, default: 0] * width)
        for at in 0..<width {
          let (value, overflow) = all.counts[to + at].addingReportingOverflow(
            part.counts[from + at])
          guard !overflow else { throw .counts(file.path, "counts go beyond 64 bits") }
          all.counts[to + at] = value
        }
      }
    }
    return all
  }

  /// Counts as the profile has them: layers that route, windows in which something was counted.
  private func settle(
    _ raw: RawCounts, options: ImportOptions
  ) throws(ImportError) -> LoadProfile {
    let file = paths.count == 1 ? paths[0] : "all \(paths.count) files"
    if let experts = options.model?.experts ?? options.experts, experts != raw.experts {
      throw .counts(
        file, "it counts \(raw.experts) experts, but \(experts) are given",
        remedy: "give the shape of the model that was counted, or leave it out", kind: .mismatch)
    }
    if let own = raw.topK, let given = options.model?.topK ?? options.topK, own != given {
      throw .counts(
        file, "its tokens take \(own) experts, but \(given) are given",
        remedy: "give the shape of the model that was counted, or leave it out", kind: .mismatch)
    }
    let width = raw.layers.count * raw.experts
    let (kept, numbers) = try Self.layers(of: raw, model: options.model, file: file)
    let windows = raw.windows.indices.filter { window in
      raw.counts[window * width..<(window + 1) * width].contains { $0 > 0 }
    }
    guard !windows.isEmpty, !kept.isEmpty else { throw Self.empty(file) }
    var counts: [UInt64] = []
    counts.reserveCapacity(windows.count * kept.count * raw.experts)
    for window in windows {
      for layer in kept {
        guard let layer else {
          counts += repeatElement(0, count: raw.experts)
          continue
        }
        let first = window * width + layer * raw.experts
        counts += raw.counts[first..<first + raw.experts]
      }
    }
    do throws(LoadProfileError) {
      return try LoadProfile(
        model: options.modelName.isEmpty ? options.model?.name ?? "" : options.modelName,
        layers: numbers, experts: raw.experts,
        topK: raw.topK ?? options.model?.topK ?? options.topK, windowKind: raw.windowKind,
        windows: windows.map { raw.windows[$0] }, counts: counts,
        provenance: ["format": format.name, "source": lastComponent(paths[0])])
    } catch {
      throw .counts(file, error.problem, remedy: error.remedy, kind: .invalid)
    }
  }

  /// The layers of the profile: where each is on the axis of `raw`, nil where it has none, and its
  /// number in the model.
  private static func layers(
    of raw: RawCounts, model: ModelShape?, file: String
  ) throws(ImportError) -> (places: [Int?], numbers: [Int]) {
    let width = raw.layers.count * raw.experts
    let used = (0..<raw.layers.count).filter { layer in
      raw.windows.indices.contains { window in
        let first = window * width + layer * raw.experts
        return raw.counts[first..<first + raw.experts].contains { $0 > 0 }
      }
    }
    guard let model else {
      switch raw.layers {
      case .numbered(let numbers): return (used, used.map { numbers[$0] })
      case .counted: return (used, used)
      }
    }
    let wrong = ImportError.counts(
      file,
      "it has \(raw.layers.count) layers, but \(model.name) has \(model.layers), "
        + "\(model.moeLayers.count) of them MoE layers",
      remedy: "give the shape of the model that was counted", kind: .mismatch)
    let numbers = Array(model.moeLayers)
    switch raw.layers {
    case .counted(numbers.count): return ((0..<numbers.count).map(\.self), numbers)
    case .counted(model.layers):
      guard used.allSatisfy(numbers.contains) else { throw wrong }
      return (numbers, numbers)
    case .counted: throw wrong
    case .numbered(let own):
      guard used.allSatisfy({ numbers.contains(own[$0]) }) else { throw wrong }
      return (numbers.map { own.firstIndex(of: $0) }, numbers)
    }
  }
}

/// What was counted in the files read so far, to notice one that is there twice.
private struct CountsOfFiles {
  private var known: [(file: String, windows: [Int64], counts: [UInt64])] = []
  /// Counts that are remembered; of larger files nothing is.
  private static let most = 1 << 24
  private var remembered = 0

  /// Throws where a file's counts are all those of an earlier one, as tensor-parallel ranks have
  /// them.
  mutating func refuseCopy(of counts: RawCounts, file: String) throws(ImportError) {
    guard remembered + counts.counts.count <= Self.most else { return }
    if counts.counts.contains(where: { $0 > 0 }),
      let twin = known.first(where: {
        $0.windows == counts.windows && $0.counts == counts.counts
      })
    {
      throw .counts(
        file, "it has the same counts as \(lastComponent(twin.file)): both counted one batch",
        remedy: "import one file of each tensor-parallel group", kind: .mismatch)
    }
    remembered += counts.counts.count
    known.append((file, counts.windows, counts.counts))
  }
}
