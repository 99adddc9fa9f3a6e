import Foundation
import TestSupport
import Testing

@testable import HDF5

@Suite struct LibraryFileTests {
  /// What is said where only `paths` are looked at.
  func complaint(_ paths: String...) -> String? {
    LibraryFile.open(paths.map { LibraryFile(name: $0) })?.description
  }

  @Test func noLibraryIsSaidWithTheFirstName() throws {
    let problem = try #require(complaint("libabsent.so.1", "libabsent.so.2"))
    #expect(problem.hasPrefix("libhdf5: cannot be opened (libabsent.so.1: "))
    #expect(LibraryFile.open([LibraryFile(name: "libabsent.so.1")])?.kind == .unavailable)
  }

  @Test func filesThatAreNoLibraryAreSaidByTheirPath() throws {
    let folder = try TemporaryFolder()
    try Data("no library".utf8).write(to: URL(filePath: folder.file("libhdf5.so")))
    let problem = try #require(complaint(folder.file("libhdf5.so")))
    #expect(problem.contains(folder.file("libhdf5.so")))
  }

  @Test(.enabled(if: isClangThere, "clang is absent"))
  func otherVersionsAndOtherLibrariesAreRefused() throws {
    let folder = try TemporaryFolder()
    func library(_ name: String, _ source: String) throws -> String {
      let (path, text) = (folder.file(name), folder.file(name + ".c"))
      try Data(source.utf8).write(to: URL(filePath: text))
      try TestSupport.run("clang", "-shared", "-fPIC", "-o", path, text)
      return path
    }
    let newer = try library(
      "newer.so",
      "int H5get_libversion(unsigned *a, unsigned *b, unsigned *c) { *a = 9; *b = 8; *c = 7; return 0; }"
    )
    let other = try library("other.so", "int H5get_libversion(void) { return -1; }")
    #expect(
      complaint("libabsent.so", newer)
        == "libhdf5: cannot be opened (\(newer) is version 9.8.7, not 1.10)")
    #expect(complaint(other, newer) == "libhdf5: cannot be opened (\(other) lacks H5Aclose)")
  }

  @Test func whatIsOpenStaysOpenWhereAnotherIsRefused() throws {
    try H5Library.require()
    _ = complaint("libabsent.so")
    #expect(try H5File(bytes: sample()).root.contains("layer"))
  }

  static let isClangThere = (try? TestSupport.run("clang", "--version")) != nil
}
