import DurableFile
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct OutputRuleTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write(Array("input".utf8), to: "input")
    try folder.write(Array("kind".utf8), to: "same kind")
    try folder.write([], to: "empty")
    try folder.write(Array("thesis".utf8), to: "thesis")
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("symbolic"), withDestinationPath: "input")
    try FileManager.default.linkItem(
      atPath: folder.file("input"), toPath: folder.file("hard"))
  }

  func problem(_ name: String, keeping: Int = 0, isForced: Bool = false) -> String? {
    let rule = OutputRule(
      kind: "a kind", inputs: [FilePath(folder.file("input")), FilePath(folder.file("none"))],
      isForced: isForced
    ) { (try? ReadableFile($0).bytes()) == Array("kind".utf8) }
    do throws(FileError) {
      try rule.check(FilePath(folder.file(name)), keeping: keeping)
      return nil
    } catch { return error.description.replacingOccurrences(of: folder.path + "/", with: "") }
  }

  @Test(arguments: [false, true])
  func anInputIsNeverReplaced(isForced: Bool) throws {
    #expect(
      problem("input", isForced: isForced)
        == "input: would be replaced though it is an input; name another output")
    for name in ["symbolic", "hard", "./input"] {
      #expect(
        problem(name, isForced: isForced)
          == "\(name == "./input" ? "./input" : name): is the same file as input and "
          + "would be replaced though it is an input; name another output")
    }
    // An older generation that would be renamed is one too.
    try FileManager.default.linkItem(
      atPath: folder.file("input"), toPath: folder.file("same kind.1"))
    #expect(problem("same kind", isForced: isForced) == nil)
    #expect(
      problem("same kind", keeping: 1, isForced: isForced)?.hasPrefix("same kind.1: is the same")
        == true)
  }

  @Test func onlyItsOwnKindIsReplacedUnlessForced() {
    for name in ["same kind", "empty", "new", "none"] { #expect(problem(name) == nil) }
    #expect(
      problem("thesis")
        == "thesis: holds something else than a kind; name another output, or use --force to replace it"
    )
    #expect(problem("thesis", isForced: true) == nil)
  }
}
