import ArgumentParser
import DurableFile
import LoadProfile
import ModelFile
import ReportPage
import RoutingTrace

/// `moecast report`: one page of what there is to know of a trace, a model, or both.
struct ReportCommand: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Writes one page: findings, observations, forecast, wafer.",
    discussion: """
      Of traces: the paper's six observations, layer by layer; what predictors that begin with \
      nothing reach on them, scored before they learn; what strategies and staging make of them on a \
      wafer. With a model beside them: how well that forecasts them, frozen, and whether it has \
      learnt them before. Of a model alone: what it noted while it was trained. Of sums of shards \
      (`analyze --partial`): the observations.

      The page is one file that needs no network. The same inputs and options make the same bytes: a \
      date stands in it where --date gives one. Forecast and wafer are measured on the first chunks, \
      up to --events.

      Example:
        moecast report traces/ -o report.html
        moecast report model.h5 held-out.moe.lz4 -o report.html
        moecast report traces/ --sections observations --json > figures.json
        moecast report traces/ --csv figures --batch 256 --wafer sow
      """)

  @Argument(
    help: ArgumentHelp(
      "Traces (*.moe.lz4), folders of them, or -, or sums of shards; one model (*.h5) at most.",
      valueName: "trace-or-model"))
  var inputs: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The page, or - for standard output.", valueName: "file"))
  var output: String?

  @OptionGroup var force: ForceOption

  @Option(
    help: ArgumentHelp("Write every figure's data into this new folder.", valueName: "folder"))
  var csv: String?

  @Option(
    help: ArgumentHelp(
      "Write every figure as a picture (*.svg) into this new folder.", valueName: "folder"))
  var svg: String?

  @Flag(
    help: "Print findings and figures' data as one JSON object; maps of every layer in --csv alone."
  )
  var json = false

  @Option(help: ArgumentHelp("Sections with commas: \(Section.names).", valueName: "names"))
  var sections: String?

  @Option(help: ArgumentHelp("Date at the page's foot, as text.", valueName: "date"))
  var date: String?

  @Option(
    help: ArgumentHelp(
      "Events that forecast and wafer take at most, to whole chunks.", valueName: "count"))
  var events = 400_000

  @OptionGroup(title: "Wafer") var wafer: ReportWaferOptions

  @OptionGroup var workers: WorkerOptions

  /// A section that can be asked for.
  enum Section: String, CaseIterable {
    case observations, forecast, wafer

    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
  }

  func validate() throws {
    guard output != nil || csv != nil || svg != nil || json else {
      throw ValidationError("give -o FILE for the page, --csv FOLDER, --svg FOLDER or --json")
    }
    guard output != nil || !force.force else {
      throw ValidationError("--force is for the file of --output")
    }
    guard !(json && output == StandardStream.dash) else {
      throw ValidationError("--json and -o - both want standard output; give the page a file")
    }
    guard events > 0 else { throw ValidationError("--events is a number from 1") }
    let chosen = try chosenSections()
    try refuse(wafer.given, unless: chosen.contains(.wafer), "--sections has no wafer")
  }

  /// The sections asked for; all unless told otherwise.
  func chosenSections() throws -> Set<Section> {
    guard let sections else { return Set(Section.allCases) }
    return Set(
      try commaSeparated(sections, "--sections", Section.names) { Section(rawValue: $0) })
  }

  func run(printing standardOutput: inout StandardOutput) throws {
    let files = try ReportInputs(inputs)
    // Found out before minutes of reading whether it can be written.
    let page = try output.map { try OutputSink($0, .page(inputs: files.all, force: force)) }
    let tables = try csv.map { try ReportFolder($0) }
    let pictures = try svg.map { try ReportFolder($0) }
    let material = try ReportMaterial(self, files)
    guard material.hasFigures else { return try material.finish() }
    let report = try material.report()
    if let page {
      try page.write(Array(report.html.utf8))
      try page.commit()
    }
    try tables?.writeTables(of: report)
    try pictures?.writePictures(of: report)
    if json { standardOutput.text(try moecast.json(report)) }
    try material.finish()
  }

  /// The command as it can be given again.
  var commandLine: String {
    var words = ["moecast", "report"] + inputs
    func add(_ name: String, _ value: String?) { if let value { words += [name, value] } }
    add("-o", output)
    add("--sections", sections)
    add("--csv", csv)
    add("--svg", svg)
    if json { words.append("--json") }
    add("--date", date)
    if events != 400_000 { add("--events", "\(events)") }
    for (name, value) in wafer.words { add(name, value) }
    return words.map { word in
      word.contains { " '\"$\\*?&;|<>()".contains($0) }
        ? "'" + word.replacing("'", with: "'\\''") + "'" : word
    }.joined(separator: " ")
  }
}
