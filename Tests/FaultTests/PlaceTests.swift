import Foundation
import TestSupport
import Testing

/// Places that cannot hold a model, and disks that are full.
@Suite(.serialized) struct PlaceTests {
  /// Nobody's user number.
  static let nobody = 65534

  @Test func whereNothingCanBeWritten() throws {
    let tally = Tally(
      "read-only folder, no permission, folder, FIFO, dangling link, missing folder")
    let training = try Training()
    let manager = FileManager.default
    try manager.createDirectory(
      atPath: training.folder.file("d"), withIntermediateDirectories: false)
    try #require(chmod(training.folder.file("d"), 0o555) == 0)
    try #require(chmod(training.folder.path, 0o755) == 0)
    try #require(mkfifo(training.folder.file("fifo"), 0o600) == 0)
    try manager.createSymbolicLink(
      atPath: training.folder.file("link"), withDestinationPath: training.folder.file("nothing"))
    let isRoot = getuid() == 0
    for (name, user) in [
      ("d/M.h5", isRoot ? Self.nobody : nil), ("M.h5", isRoot ? Self.nobody : nil), ("d", nil),
      ("fifo", nil), ("link", nil), ("none/M.h5", nil),
    ] where isRoot || name != "M.h5" {
      let before = try manager.subpathsOfDirectory(atPath: training.folder.path)
      let ending = try Program.run(
        "train", training.trace, "--model", training.folder.file(name), "--predictors", "frequency",
        as: user)
      tally.add(lost: false, silent: ending.status != 1, "\(name): \(ending.complaint)")
      #expect(ending.complaint.hasPrefix("moecast: "), "\(name): \(ending.complaint)")
      #expect(ending.complaint.split(separator: "\n").count == 1, "\(ending.complaint)")
      #expect(try manager.subpathsOfDirectory(atPath: training.folder.path) == before, "\(name)")
    }
    tally.tell()
  }

  @Test func symbolicLinkAndFIFOAreFollowed() throws {
    let expected = try Training.undisturbed()
    var training = try Training()
    let place = try TemporaryFolder()
    try FileManager.default.createSymbolicLink(
      atPath: training.model, withDestinationPath: place.file("real.h5"))
    try place.write(expected, to: "real.h5")
    #expect(try Program.Run(training.arguments()).ending().status == 0)
    #expect(try place.bytes(of: "real.h5") == expected)
    try FileManager.default.removeItem(atPath: training.model)
    training.trace = training.folder.file("fifo")
    try #require(mkfifo(training.trace, 0o600) == 0)
    let run = try Program.Run(training.arguments())
    let bytes = try Data(contentsOf: URL(filePath: Program.trace))
    let pipe = try FileHandle(forWritingTo: URL(filePath: training.trace))
    try pipe.write(contentsOf: bytes)
    try pipe.close()
    #expect(run.ending().status == 0)
    #expect(try training.folder.bytes(of: "M.h5") == expected)
  }

  /// A disk of 600 kB: the second and third generation do not fit.
  @Test(.enabled(if: Disk.isPossible, "no tmpfs can be mounted here"))
  func aFullDisk() throws {
    let expected = try Training.undisturbed()
    let tally = Tally("a full small tmpfs")
    for kilobytes in Program.isFull ? Array(stride(from: 60, through: 900, by: 40)) : [100, 300] {
      let disk = try Disk(kilobytes: kilobytes)
      var training = try Training()
      training.options += ["--keep", "3"]
      let model = disk.path + "/M.h5"
      let arguments = ["train", training.trace, "--model", model] + training.options
      let ending = try Program.Run(arguments).ending()
      let isThere = FileManager.default.fileExists(atPath: model)
      if ending.status != 0 {
        #expect(ending.complaint.contains("No space left on device"), "\(ending.complaint)")
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: disk.path)
      let isWhole = try !isThere || Program.run("inspect", "--verify", model).status == 0
      let isClean = !names.contains { $0.hasPrefix(".") || $0.hasSuffix(".lock") }
      // Moved to where there is room, training goes on.
      for name in names where name.hasPrefix("M.h5") {
        try FileManager.default.copyItem(
          atPath: disk.path + "/" + name, toPath: training.folder.file(name))
      }
      try tally.add(
        lost: !training.endsAt(expected), silent: !isWhole || !isClean, "\(kilobytes) kB \(names)")
    }
    tally.tell("the last whole checkpoint stays, no temporary file")
  }
}

/// A small file system in memory.
final class Disk {
  let path: String
  private let folder: TemporaryFolder

  static var isPossible: Bool { (try? Disk(kilobytes: 100)) != nil }

  init(kilobytes: Int) throws {
    folder = try TemporaryFolder()
    path = folder.path
    try TestSupport.run("mount", "-t", "tmpfs", "-o", "size=\(kilobytes)k", "tmpfs", path)
  }

  deinit { _ = try? TestSupport.run("umount", path) }
}
