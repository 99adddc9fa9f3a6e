import Foundation
import TestSupport
import Testing

/// A machine without libhdf5: in its place the linker finds files that are none.
@Suite struct LibraryTests {
  let folder: TemporaryFolder
  let environment: [String: String]

  init() throws {
    folder = try TemporaryFolder()
    let libraries = folder.file("libraries")
    try FileManager.default.createDirectory(atPath: libraries, withIntermediateDirectories: true)
    for name in [
      "libhdf5_serial_hl.so.100", "libhdf5_hl.so.100", "libhdf5_serial_hl.so", "libhdf5_hl.so",
    ] {
      try Data().write(to: URL(filePath: "\(libraries)/\(name)"))
    }
    environment = ["LD_LIBRARY_PATH": libraries]
  }

  let words = "; install HDF5's high-level library, on Debian by `apt install libhdf5-hl-100`\n"

  @Test func modelsAreRefusedWithARemedy() throws {
    let model = folder.file("model.h5")
    try #require(
      try Program.run("train", Program.trace, "--model", model, "--stop-after", "2").status == 0)
    let before = try Data(contentsOf: URL(filePath: model))
    for arguments in [["inspect", model], ["evaluate", "--model", model, Program.trace]] {
      let ending = try Program.Run(arguments, environment: environment).ending()
      #expect(ending.status == 1)
      #expect(ending.complaint.hasPrefix("moecast: \(model): libhdf5: cannot be opened ("))
      #expect(ending.complaint.hasSuffix(words))
    }
    #expect(try Data(contentsOf: URL(filePath: model)) == before)
  }

  @Test func nothingIsLearntThatCannotBeSaved() throws {
    let ending = try Program.run(
      "train", Program.trace, "--model", folder.file("new.h5"), environment: environment)
    #expect(ending.status == 1 && ending.output.isEmpty)
    #expect(ending.complaint.hasSuffix(words))
  }

  @Test func tracesAreReadAllTheSame() throws {
    let ending = try Program.run("inspect", Program.trace, environment: environment)
    #expect(ending.status == 0 && ending.output.contains("tiny-moe"))
  }
}
