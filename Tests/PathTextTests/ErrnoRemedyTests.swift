import PathText
import SystemPackage
import Testing

@Suite struct ErrnoRemedyTests {
  /// A remedy is of the cause that the code names, and of no other.
  @Test func remediesAreOfTheirCause() {
    let causes: [(word: String, codes: [Errno])] = [
      ("make room", [.noSpace, .diskQuotaExceeded]),
      ("ulimit -f", [.fileTooLarge]),
      ("ulimit -n", [.tooManyOpenFiles, .tooManyOpenFilesInSystem]),
      ("ulimit -v", [.noMemory]),
      ("name a file", [.isDirectory, .badFileDescriptor]),
      ("no folder", [.notDirectory]),
      ("circle", [.tooManySymbolicLinkLevels]),
      ("shorter", [.fileNameTooLong]),
      ("check the disk", [.ioError]),
      ("nobody uses it", [.resourceBusy, .textFileBusy]),
      ("on its server", [.staleNFSFileHandle]),
    ]
    let all = causes.flatMap(\.codes)
    for use in [FileUse.reading, .writing] {
      for (word, codes) in causes {
        for code in all {
          #expect(
            code.remedy(for: use).contains(word) == codes.contains(code), "\(code): \(word)")
        }
      }
    }
  }

  @Test func itMattersWhatWasWanted() {
    for code in [Errno.permissionDenied, .notPermitted] {
      #expect(code.remedy(for: .reading).contains("readable for this user"))
      #expect(code.remedy(for: .writing) == "choose a place you may write to")
    }
    #expect(Errno.readOnlyFileSystem.remedy(for: .writing) == "choose a place you may write to")
    #expect(Errno.noSuchFileOrDirectory.remedy(for: .reading) == "check the path")
    #expect(Errno.noSuchFileOrDirectory.remedy(for: .writing) == "make its folder first")
    #expect(Errno.invalidArgument.remedy(for: .reading).hasPrefix("try again"))
  }
}
