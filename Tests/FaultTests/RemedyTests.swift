import Foundation
import HDF5
import LZ4Frame
import ModelFile
import TestSupport
import Testing

/// What an error advises is done to the very input that made it, and works.
struct RemedyTests {
  /// An input, and what comes of it. The scripts are bash in a folder of their own with the traces
  /// `train` and `test` and the model `M.h5`, all of one shape; `$moecast` is the program.
  struct Remedy: Sendable, CustomTestStringConvertible {
    /// Makes the input and ends with the command that fails.
    var fault: String
    /// Words of the problem, and of the remedy.
    var problem: String
    var advice: String
    /// Does what is advised; must succeed.
    var remedy: String

    init(_ fault: String, _ problem: String, _ advice: String, _ remedy: String) {
      (self.fault, self.problem, self.advice, self.remedy) = (fault, problem, advice, remedy)
    }

    var testDescription: String { "\(problem): \(advice)" }
  }

  private func run(_ script: String, in folder: TemporaryFolder) throws -> Program.Ending {
    try Program.shell(
      """
      moecast=$1; cd "$2"
      learn() { "$moecast" train --quiet --predictors frequency "$@"; }
      \(script)
      """, [folder.path])
  }

  private func check(_ remedies: [Remedy], _ folder: (Remedy) throws -> TemporaryFolder) throws {
    for remedy in remedies {
      let folder = try folder(remedy)
      let failed = try run(remedy.fault, in: folder)
      #expect(failed.status == 1 || failed.status == 2, "\(remedy): \(failed)")
      #expect(failed.complaint.contains(remedy.problem), "\(remedy.fault): \(failed)")
      #expect(failed.complaint.contains(remedy.advice), "\(remedy.fault): \(failed)")
      let helped = try run(remedy.remedy, in: folder)
      #expect(helped.status == 0, "\(remedy.remedy): \(helped)")
    }
  }

  private func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let manager = FileManager.default
    for (name, file) in [("train", "tiny-moe-train.moe.lz4"), ("test", "tiny-moe-test.moe.lz4")] {
      try manager.copyItem(
        atPath: Program.models + "/" + file, toPath: folder.file(name + ".moe.lz4"))
    }
    try manager.copyItem(atPath: Program.models + "/tiny-moe.h5", toPath: folder.file("M.h5"))
    return folder
  }

  // MARK: traces

  /// Traces that cannot be found or are no traces, or that are cut, damaged or joined.
  static let traces = [
    Remedy("learn none.moe.lz4", "No such file", "check the path", "learn test.moe.lz4"),
    Remedy(
      "mkdir d; \"$moecast\" inspect d", "Is a directory", "name a file",
      "\"$moecast\" inspect test.moe.lz4"),
    Remedy("learn test.moe.lz4/x", "Not a directory", "no folder", "learn test.moe.lz4"),
    Remedy("ln -s l l; learn l", "symbolic links", "name the file itself", "learn test.moe.lz4"),
    Remedy(
      "\"$moecast\" inspect - <&-", "standard input", "leave it open, or name a file",
      "\"$moecast\" inspect - < test.moe.lz4"),
    Remedy(
      "mkdir d; cp test.moe.lz4 d/test; learn d", "no .moe.lz4 file is in this folder",
      "name the files", "learn d/test"),
    Remedy(": > e; learn e", "it is empty", "give a trace", "learn test.moe.lz4"),
    Remedy(
      "echo '[{\"0\": [[1], [2]]}]' > t.json; learn t.json", "it is not a moecast trace",
      "moecast import` and --shape NAME or --experts E",
      "\"$moecast\" import --experts 4 -o t t.json && learn t"),
    Remedy(
      "echo '[{\"0\": [[1], [2]]}]' > t.json; \"$moecast\" import -o t t.json",
      "the number of experts is not known", "--experts E",
      "\"$moecast\" import --experts 4 -o t t.json && learn t"),
    Remedy(
      "learn M.h5", "it is an HDF5 file", "`moecast inspect` shows what it is",
      "\"$moecast\" inspect M.h5 && learn test.moe.lz4"),
    Remedy(
      "gzip -k test.moe.lz4; learn test.moe.lz4.gz", "compressed with gzip", "`gzip -d`",
      "gzip -df test.moe.lz4.gz && learn test.moe.lz4"),
    Remedy(
      "\"$moecast\" import --experts 64 -o o test.moe.lz4", "compressed with LZ4",
      "leave --shape and --experts out", "\"$moecast\" import -o o test.moe.lz4 && learn o"),
    Remedy(
      "head -c 100000 test.moe.lz4 > cut; learn cut", "ends inside", "inspect --repair NEW OLD",
      "\"$moecast\" inspect --repair new cut && learn new"),
    Remedy(
      "cp test.moe.lz4 d; printf x | dd of=d bs=1 seek=90000 conv=notrunc 2> e; learn d",
      "chunk 1", "inspect --repair NEW OLD", "\"$moecast\" inspect --repair new d && learn new"),
    Remedy(
      "(cat test.moe.lz4; echo and more) > d; learn d", "not an LZ4 frame",
      "inspect --repair NEW OLD", "\"$moecast\" inspect --repair new d && learn new"),
    Remedy(
      """
      echo '[{"0": [[1], [2]]}]' > t.json; "$moecast" import --experts 4 -o t t.json > /dev/null
      cat test.moe.lz4 t > joined; learn joined
      """, "a trace of another shape follows", "inspect --repair NEW OLD",
      "\"$moecast\" inspect --repair new joined && learn new"),
    Remedy(
      """
      echo '[{"0": [[1], [2]]}]' > t.json; "$moecast" import --experts 4 -o t t.json > /dev/null
      learn test.moe.lz4 t
      """, "1 MoE layers", "traces of one model at a time", "learn t && learn test.moe.lz4"),
    Remedy(
      "(cat test.moe.lz4; tail -c 300 train.moe.lz4) > d; learn d", "byte",
      "inspect --repair NEW OLD", "\"$moecast\" inspect --repair new d && learn new"),
    Remedy(
      "learn train.moe.lz4 --model R.h5 --stop-after 3 > /dev/null; "
        + "learn test.moe.lz4 --model R.h5 --resume",
      "not the chunk that the model has seen", "give the traces the model was learning from",
      "learn train.moe.lz4 --model R.h5 --resume"),
    Remedy(
      """
      printf '\\x52\\x2a\\x4d\\x18\\x00\\x00\\x00\\x12' > d; truncate -s 301989896 d
      cat test.moe.lz4 >> d; learn d
      """, "a skippable frame claims 301989888 bytes", "`moecast import -o NEW.moe.lz4",
      "\"$moecast\" import -o new d && learn new && rm d"),
  ]

  @Test func tracesAreMended() throws { try check(Self.traces) { _ in try folder() } }

  /// Traces that the lz4 tool packed in its own ways.
  static let packed = [
    Remedy(
      "lz4 -dc test.moe.lz4 | lz4 -c > r; learn r", "it was recompressed",
      "`moecast import -o NEW.moe.lz4", "\"$moecast\" import -o new r && learn new"),
    Remedy(
      "lz4 -dc test.moe.lz4 > r; learn r", "without LZ4 frames",
      "`lz4 -c OLD | moecast import -o NEW.moe.lz4 -`",
      "lz4 -c r | \"$moecast\" import -o new - && learn new"),
    Remedy(
      "lz4 -dc test.moe.lz4 | lz4 -lc > r; learn r", "legacy format",
      "`lz4 -dc OLD | lz4 -c | moecast import -o NEW.moe.lz4 -`",
      "lz4 -dc r | lz4 -c | \"$moecast\" import -o new - && learn new"),
    Remedy(
      "echo '[{\"0\": [[1], [2]]}]' | lz4 -c > r; learn r", "holds something else",
      "decompress it with `lz4 -d`",
      "lz4 -d r t.json 2> e && \"$moecast\" import --experts 4 -o t t.json && learn t"),
    Remedy(
      "echo '[{\"0\": [[1], [2]]}]' | lz4 -c > r; \"$moecast\" import --experts 4 -o t r",
      "compressed with LZ4", "else decompress it (lz4 -d)",
      "lz4 -d r t.json 2> e && \"$moecast\" import --experts 4 -o t t.json && learn t"),
  ]

  @Test(.enabled(if: (try? TestSupport.run("lz4", "--version")) != nil, "lz4 is absent"))
  func packedTracesAreMended() throws { try check(Self.packed) { _ in try folder() } }

  /// A frame that says it needs a dictionary, of which nobody but its maker knows.
  @Test func aDictionaryIsAskedFor() throws {
    let folder = try folder()
    var bytes = try folder.bytes(of: "test.moe.lz4")
    bytes[4] |= 1
    try folder.write(bytes, to: "d")
    let ending = try run("learn d", in: folder)
    #expect(ending.complaint.contains("needs a dictionary"))
    #expect(ending.complaint.contains("lz4 -dc -D DICTIONARY OLD | lz4 -c | moecast import"))
  }

  // MARK: models

  /// Models that cannot be found, are none, or are damaged.
  static let models = [
    Remedy(
      "\"$moecast\" evaluate --model none.h5 test.moe.lz4", "No such file", "check the path",
      "\"$moecast\" evaluate --model M.h5 test.moe.lz4"),
    Remedy(
      "learn test.moe.lz4 --model R.h5 --resume", "there is no such file", "without --resume",
      "learn test.moe.lz4 --model R.h5"),
    Remedy(
      "\"$moecast\" evaluate --model test.moe.lz4 test.moe.lz4", "no HDF5 file",
      "name a model that `moecast train --model` wrote",
      "\"$moecast\" evaluate --model M.h5 test.moe.lz4"),
    Remedy(
      "\"$moecast\" evaluate --model foreign.h5 test.moe.lz4", "HDF5 file of another program",
      "name a model that `moecast train --model` wrote",
      "\"$moecast\" evaluate --model M.h5 test.moe.lz4"),
    Remedy(
      "\"$moecast\" evaluate --model nameless.h5 test.moe.lz4", "HDF5 file of another program",
      "name a model that `moecast train --model` wrote",
      "\"$moecast\" evaluate --model M.h5 test.moe.lz4"),
    Remedy(
      "learn test.moe.lz4 --model foreign.h5", "holds something else than a model", "--force",
      "learn test.moe.lz4 --model foreign.h5 --force"),
    Remedy(
      """
      learn train.moe.lz4 --model R.h5 --stop-after 3 > /dev/null
      learn train.moe.lz4 --model R.h5 --stop-after 5 --resume > /dev/null
      truncate -s 9000 R.h5; "$moecast" evaluate --model R.h5 test.moe.lz4
      """, "R.h5", "use R.h5.1, the generation before it",
      "\"$moecast\" evaluate --model R.h5.1 test.moe.lz4"),
    Remedy(
      "cp M.h5 R.h5; truncate -s 9000 R.h5; \"$moecast\" evaluate --model R.h5 test.moe.lz4",
      "R.h5",
      "use another copy of it, or train again",
      "\"$moecast\" evaluate --model M.h5 test.moe.lz4 && learn test.moe.lz4 --model R.h5"),
    Remedy(
      ": > R.h5; \"$moecast\" evaluate --model R.h5 test.moe.lz4", "it is empty", "train again",
      "learn test.moe.lz4 --model R.h5"),
    Remedy(
      "\"$moecast\" evaluate --model older.h5 test.moe.lz4", "this program reads versions 2 to 3",
      "use the moecast that wrote it, or train again",
      "learn test.moe.lz4 --model older.h5 --force"),
    Remedy(
      "\"$moecast\" evaluate --model richer.h5 test.moe.lz4", "names 'oracle'",
      "use the moecast that wrote it, or train again",
      "learn test.moe.lz4 --model richer.h5 --force"),
    Remedy(
      """
      learn test.moe.lz4 --model R.h5 > /dev/null
      "$moecast" simulate demand --batch 64 --heatmap R.h5 test.moe.lz4
      """, "it holds no token heatmap", "train it with --predictors token-markov",
      """
      "$moecast" train --quiet --predictors token-markov test.moe.lz4 --model R.h5 > /dev/null
      "$moecast" simulate demand --batch 64 --heatmap R.h5 test.moe.lz4
      """),
    Remedy(
      "\"$moecast\" merge M.h5 M.h5 -o R.h5", "were learnt by the models before it too",
      "leave one of them out", "\"$moecast\" merge M.h5 -o R.h5"),
  ]

  @Test func modelsAreReplaced() throws {
    try check(Self.models) { _ in
      let folder = try folder()
      let foreign = try H5File()
      try foreign.root.set("encoding-type", to: "anndata")
      try folder.write(foreign.bytes(), to: "foreign.h5")
      let nameless = try H5File()
      try nameless.root.create("weights", [1, 2, 3] as [UInt32], shape: [3])
      try folder.write(nameless.bytes(), to: "nameless.h5")
      for (name, attribute, value) in [
        ("older.h5", "encoding-version", "1"), ("richer.h5", "predictors", "oracle"),
      ] {
        var tree = try ModelTree(folder.bytes(of: "M.h5"))
        let at = try #require(tree.groups[0].items.firstIndex { $0.name == attribute })
        tree.groups[0].items[at].values = .text([value])
        try folder.write(tree.bytes(), to: name)
      }
      return folder
    }
  }

  // MARK: places

  /// Outputs that cannot be made where they were asked for.
  static let places = [
    Remedy(
      "learn test.moe.lz4 --model d/R.h5", "No such file", "make its folder first",
      "mkdir d && learn test.moe.lz4 --model d/R.h5"),
    Remedy(
      "\"$moecast\" import -o d/o test.moe.lz4", "No such file", "make its folder first",
      "mkdir d && \"$moecast\" import -o d/o test.moe.lz4"),
    Remedy(
      "learn test.moe.lz4 --model M.h5/R.h5", "Not a directory", "no folder",
      "learn test.moe.lz4 --model R.h5"),
    Remedy(
      "n=$(printf '%0300d' 0); learn test.moe.lz4 --model $n", "File name too long",
      "choose a shorter name", "learn test.moe.lz4 --model R.h5"),
    Remedy(
      "mkdir d; learn test.moe.lz4 --model d", "is a folder", "name a file",
      "learn test.moe.lz4 --model d/R.h5"),
    Remedy(
      "ln -s none l; learn test.moe.lz4 --model l", "leads nowhere", "name the file itself",
      "learn test.moe.lz4 --model none"),
    Remedy(
      "echo notes > n; \"$moecast\" import -o n test.moe.lz4", "holds something else",
      "--force", "\"$moecast\" import -o n test.moe.lz4 --force && learn n"),
    Remedy(
      "\"$moecast\" import -o test.moe.lz4 test.moe.lz4", "though it is an input",
      "name another output", "\"$moecast\" import -o o test.moe.lz4"),
    Remedy(
      "ulimit -f 100; \"$moecast\" import -o o test.moe.lz4", "File too large",
      "raise the limit on file sizes (ulimit -f)",
      "ulimit -f unlimited; \"$moecast\" import -o o test.moe.lz4"),
    Remedy(
      "\"$moecast\" import -o - test.moe.lz4 > /dev/full", "No space left", "make room",
      "\"$moecast\" import -o - test.moe.lz4 > o"),
  ]

  @Test func placesAreChosen() throws { try check(Self.places) { _ in try folder() } }

  /// What others may not read or write; asked as nobody, where we may choose.
  @Test(.enabled(if: getuid() == 0, "only root becomes another user"))
  func permissions() throws {
    let folder = try folder()
    try #require(chmod(folder.path, 0o755) == 0)
    for name in ["test.moe.lz4", "M.h5"] { try #require(chmod(folder.file(name), 0o600) == 0) }
    func run(_ arguments: String...) throws -> Program.Ending {
      try Program.Run(arguments, as: PlaceTests.nobody).ending()
    }
    let (trace, model) = (folder.file("test.moe.lz4"), folder.file("M.h5"))
    let readable = "make it and its folders readable for this user (chmod)"
    #expect(try run("inspect", trace).complaint.contains(readable))
    #expect(try run("inspect", model).complaint.contains(readable))
    let closed = try run(
      "import", folder.file("train.moe.lz4"), "-o", folder.file("o.moe.lz4"))
    #expect(closed.complaint.contains("choose a place you may write to"), "\(closed)")
    for name in ["test.moe.lz4", "M.h5"] { try #require(chmod(folder.file(name), 0o644) == 0) }
    #expect(try run("inspect", trace).status == 0)
    #expect(try run("evaluate", "--model", model, trace, "--json").status == 0)
    let open = try TemporaryFolder()
    try #require(chmod(open.path, 0o777) == 0)
    #expect(
      try run("import", folder.file("train.moe.lz4"), "-o", open.file("o.moe.lz4")).status == 0)
  }
}
