import Foundation
import PathText
import SystemPackage
import TestSupport
import Testing

@Suite struct PathTextTests {
  @Test(arguments: [
    "plain.h5", "ü/名前/🙂", "../x y\n", "",
  ])
  func namesOfUTF8AreTheirOwnText(name: String) {
    #expect(FilePath(text: name).string == FilePath(name).string)
    #expect(FilePath(text: name).text == FilePath(name).string)
  }

  /// All pairs of bytes, and some that begin scalars and break off, come back as they were.
  @Test func everyNameComesBack() {
    var names = (1...255).flatMap { first in (1...255).map { [UInt8(first), UInt8($0)] } }
    names += [
      [0xF0, 0x9F, 0x99], [0xED, 0xA0, 0x80], [0xC0, 0x80], [0xF4, 0x8F, 0xBC, 0x80, 0x2F],
    ]
    names += [Array("\u{10FF41}\u{10FFFF}x".utf8), Array("a\u{FFFD}".utf8)]
    for name in names where !name.contains(UInt8(ascii: "/")) {
      let back = FilePath(text: pathText(name))
      let bytes = back.withPlatformString {
        Array(UnsafeBufferPointer(start: $0, count: name.count))
      }
      #expect(bytes.map { UInt8(bitPattern: $0) } == name)
    }
    #expect(pathText([0x61, 0xFF]).unicodeScalars.compactMap(escapedByte) == [0xFF])
  }

  @Test func filesAreFoundAtAnyDepth() throws {
    let folder = try TemporaryFolder()
    let manager = FileManager.default
    try manager.createDirectory(
      atPath: folder.file("a/b"), withIntermediateDirectories: true)
    for name in ["x", "a/y", "a/b/.z"] { try folder.write([1], to: name) }
    // A loop of links, a link to a file, a link to nothing.
    try manager.createSymbolicLink(
      atPath: folder.file("a/loop"), withDestinationPath: folder.path)
    try manager.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: "x")
    try manager.createSymbolicLink(atPath: folder.file("gone"), withDestinationPath: "none")
    let path = FilePath(folder.path)
    #expect(try filesBelow(path).sorted() == ["a/b/.z", "a/y", "link", "x"])
    let odd = path.appending(FilePath(platformString: [0x6F, -1, 0]).components)
    let file = try FileDescriptor.open(
      odd, .writeOnly, options: .create, permissions: .ownerReadWrite)
    try file.close()
    let text = try #require(try filesBelow(path).first { $0.hasPrefix("o") })
    #expect(path.appending(FilePath(text: text).components) == odd)
    #expect(throws: Errno.noSuchFileOrDirectory) { try filesBelow(path.appending("none")) }
  }
}
