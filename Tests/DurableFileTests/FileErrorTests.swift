import DurableFile
import SystemPackage
import Testing

@Suite struct FileErrorTests {
  /// A step tells what was wanted, on which the remedy depends.
  @Test func remediesFollowFromStepAndCode() {
    func remedy(_ step: FileError.Step, _ code: Errno?) -> String {
      FileError("M.h5", step, "failed", code: code).remedy
    }
    for step in FileError.Step.allCases {
      #expect(remedy(step, .noSpace) == "make room and try again")
      #expect(remedy(step, nil) == "try again")
      #expect(
        remedy(step, .permissionDenied).contains("readable") == (step == .open || step == .read))
      #expect(
        remedy(step, .noSuchFileOrDirectory)
          == (step == .create || step == .lock ? "make its folder first" : "check the path"))
    }
  }
}
