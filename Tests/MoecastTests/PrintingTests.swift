import DurableFile
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import moecast

@Suite struct PrintingTests {
  @Test(arguments: [
    ("plain, with \"quotes\" and ünïcödé 名前 🙂", nil),
    ("\u{1B}[31m\u{7}\r\t\u{7F}\u{9B}", "\\u001b[31m\\u0007\\u000d\\u0009\\u007f\\u009b"),
    ("a\u{202E}b\u{2066}c\u{200B}d\u{FEFF}", "a\\u202eb\\u2066c\\u200bd\\ufeff"),
    ("one\ntwo\u{2028}three\u{0}", "one\\u000atwo\\u2028three\\u0000"),
    ("\u{E0041}", "\\udb40\\udc41"), ("m\u{10FFFF}.h5", "m\\xff.h5"),
  ])
  func whatATerminalObeysIsShown(text: String, shown: String?) {
    #expect(visible(text) == shown ?? text)
    #expect(
      visible(text, keepingLines: true)
        == (shown ?? text).replacingOccurrences(of: "\\u000a", with: "\n"))
  }

  /// What is shown in JSON still is the text.
  @Test func jsonStaysJSON() throws {
    let name = "a\u{202E}b\u{9B}\u{1B}\n"
    let shown = visible(try json(["name": name]), keepingLines: true)
    #expect(!shown.unicodeScalars.contains { $0.value == 0x202E || $0.value == 0x9B })
    #expect(
      try JSONDecoder().decode([String: String].self, from: Data(shown.utf8)) == ["name": name])
  }

  @Test(arguments: [
    (["dojo", "1.5", "-"], "dojo,1.5,-"), (["=1+2", "-2.5", "+x", "@a"], "'=1+2,-2.5,'+x,'@a"),
    (["a,b", "say \"x\"", "l\n"], "\"a,b\",\"say \"\"x\"\"\",\"l\n\""),
    (["=\"1,2\""], "\"'=\"\"1,2\"\"\""),
  ])
  func cellsAreNoFormulas(cells: [String], line: String) {
    #expect(csvLine(cells) == line)
  }

  @Test func everyByteIsAccountedFor() throws {
    let folder = try TemporaryFolder()
    let path = FilePath(folder.file("out"))
    let file = try FileDescriptor.open(
      path, .writeOnly, options: .create, permissions: .ownerReadWrite)
    var output = StandardOutput(file)
    output.line("one\u{1B}\nline")
    output.text("two\nlines")
    try output.finish()
    try file.close()
    #expect(
      String(decoding: try folder.bytes(of: "out"), as: UTF8.self)
        == "one\\u001b\\u000aline\ntwo\nlines\n")
    let full = try FileDescriptor.open("/dev/full", .writeOnly)
    var lost = StandardOutput(full)
    lost.line("x")
    let failed = lost
    let error = #expect(throws: FileError.self) { try failed.finish() }
    #expect(error?.code == .noSpace)
    try full.close()
  }
}
