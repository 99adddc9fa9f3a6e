import HDF5
import TestSupport
import Testing

@testable import LoadProfile

@Suite struct LoadProfileTests {
  /// Two windows of two layers of four experts.
  static func profile() throws -> LoadProfile {
    try LoadProfile(
      model: "m", layers: [1, 5], experts: 4, topK: 2, windowKind: "step", windows: [10, 12],
      counts: [6, 2, 0, 0, 2, 2, 2, 2, 0, 2, 6, 0, 1, 1, 1, 5],
      provenance: ["format": "by hand", "source": "here"])
  }

  private func fault(
    layers: [Int] = [0], experts: Int = 2, topK: Int? = nil, windows: [Int64] = [0],
    counts: [UInt64] = [1, 1]
  ) -> String? {
    do throws(LoadProfileError) {
      _ = try LoadProfile(
        layers: layers, experts: experts, topK: topK, windows: windows, counts: counts)
      return nil
    } catch {
      return error.problem
    }
  }

  @Test func axesAndCountsAgree() {
    #expect(fault() == nil)
    #expect(fault(counts: [1]) == "it has 1 counts for 1 windows of 1 layers of 2 experts")
    #expect(fault(layers: [2, 2], counts: [1, 1, 1, 1])?.contains("do not ascend") == true)
    #expect(fault(layers: [-1])?.contains("do not ascend") == true)
    #expect(fault(topK: 3) == "its tokens cannot take 3 of 2 experts")
    #expect(fault(layers: [])?.contains("0 layers") == true)
    #expect(fault(windows: [])?.contains("0 windows") == true)
    #expect(fault(experts: 32_769)?.contains("32768 experts and a window are possible") == true)
    #expect(fault(counts: [.max, 1]) == "its counts go beyond 64 bits")
    #expect(fault(windows: [0, 1], counts: [.max, 0, 1, 0]) == "its counts go beyond 64 bits")
  }

  @Test func whatIsWrittenIsRead() throws {
    let profile = try Self.profile()
    let folder = try TemporaryFolder()
    let path = try folder.write(try profile.bytes(), to: "p.h5")
    #expect(LoadProfile.isProfile(path))
    #expect(try LoadProfile(path: path) == profile)
    #expect(try profile.bytes() == profile.bytes())
    let whole = try LoadProfile(layers: [0], experts: 2, counts: [3, 4])
    #expect(
      try LoadProfile(path: try folder.write(try whole.bytes(), to: "w.h5")) == whole)
  }

  @Test(.enabled(if: Python.has("h5py"), "\(Python.absence("h5py"))"))
  func h5pyReadsIt() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(try Self.profile().bytes(), to: "p.h5")
    let printed = try Python.run(
      """
      import sys, h5py
      f = h5py.File(sys.argv[1])
      def text(o): return {k: v.decode() for k, v in o.attrs.items() if hasattr(v, "decode")}
      print(text(f)["encoding-type"], text(f)["model"], f.attrs["top_k"], f["counts"][:].tolist())
      print(f["window_counts"][1].tolist(), f["counts"].dims[0][0][:].tolist(),
        f["window_counts"].dims[0][0][:].tolist(), text(f["provenance"]))
      """, path)
    #expect(
      printed == """
        moecast-load-profile m 2 [[6, 4, 6, 0], [3, 3, 3, 7]]
        [[0, 2, 6, 0], [1, 1, 1, 5]] [1, 5] [10, 12] {'format': 'by hand', 'source': 'here'}

        """)
  }

  /// Every cut, and every changed byte, is a typed error or the same profile.
  @Test func damageIsNeverReadAsAnotherProfile() throws {
    let profile = try Self.profile()
    let whole = try profile.bytes()
    let folder = try TemporaryFolder()
    for length in stride(from: 0, to: whole.count, by: 97) {
      let path = try folder.write(Array(whole[..<length]), to: "p.h5")
      #expect(throws: LoadProfileError.self) { try LoadProfile(path: path) }
    }
    var others = 0
    for place in stride(from: 0, to: whole.count, by: 61) {
      var bytes = whole
      bytes[place] ^= 0x40
      let path = try folder.write(bytes, to: "p.h5")
      do {
        if try LoadProfile(path: path).counts != profile.counts { others += 1 }
      } catch {
        #expect(error is LoadProfileError)
      }
    }
    #expect(others == 0)
  }

  @Test func otherFilesAreNoProfiles() throws {
    let folder = try TemporaryFolder()
    let file = try H5File()
    try file.rootGroup().set("encoding-type", to: "moecast-model")
    let path = try folder.write(try file.bytes(), to: "m.h5")
    #expect(!LoadProfile.isProfile(path))
    let error = #expect(throws: LoadProfileError.self) { try LoadProfile(path: path) }
    #expect(error?.problem.contains("does not say moecast-load-profile") == true)
    #expect(!LoadProfile.isProfile(folder.file("none.h5")))
    #expect(throws: LoadProfileError.self) { try LoadProfile(path: folder.file("none.h5")) }
  }
}
