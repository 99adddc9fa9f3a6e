import Foundation
import TestSupport
import Testing

/// Models and traces that were made to hurt: a typed error within a cap on memory.
@Suite(.enabled(if: Python.has("h5py", "lz4.frame"), "python3 with h5py and lz4 is absent"))
struct HostileTests {
  /// The address space that reading may take: what the program maps and 1 GB.
  static let kilobytes = 2_000_000

  /// `model` after `edit`, a Python statement with the file open as `f`.
  func inspect(_ model: [UInt8], _ edit: String) throws -> Program.Ending {
    let folder = try TemporaryFolder()
    let path = try folder.write(model, to: "hostile.h5")
    _ = try Python.run(
      """
      import h5py, sys, numpy as np
      f = h5py.File(sys.argv[1], 'r+')
      t = f['frequency/counts']
      def replace(name, **how):
          del f[name]
          return f.create_dataset(name, **how)
      \(edit)
      f.close()
      """, path)
    return try Program.limited(to: Self.kilobytes, "inspect", "--verify", path)
  }

  @Test func models() throws {
    let tally = Tally("hostile HDF5 models, 2 GB of address space")
    let cases = [
      ("del f['frequency/counts']; f['frequency/counts'] = h5py.SoftLink('/layer')", "soft link"),
      ("del f['metrics']; f['metrics'] = h5py.ExternalLink('/etc/passwd', '/x')", "another file"),
      ("del f['stream']; f['stream'] = h5py.SoftLink('/stream')", "soft link"),
      (
        "replace('frequency/counts', shape=t.shape, dtype='<u4', external=[('/etc/passwd', 0, 99999)])",
        "other files"
      ),
      (
        "l = h5py.VirtualLayout(t.shape, '<u4'); l[:] = h5py.VirtualSource('o.h5', 'x', t.shape); "
          + "s = t.shape; del f['frequency/counts']; f.create_virtual_dataset('frequency/counts', l)",
        "virtual"
      ),
      ("replace('frequency/counts', data=t[...], chunks=True, compression='lzf')", "filter 32000"),
      ("replace('frequency/counts', shape=(2**40, 2**20), dtype='<u4', chunks=(1, 1024))", "shape"),
      ("replace('stream/chunk', shape=(2**62,), dtype='<u4', chunks=(1024,))", "declares"),
      ("replace('stream/chunk', shape=(2**30,), dtype='<u4', chunks=(2**16,))", "declares"),
      ("replace('history/row', shape=(2**27,), dtype='<u4')", "stores 0"),
      ("replace('frequency/counts', data=t[...].astype('<u8'))", "uint32"),
      ("replace('frequency/counts', data=t[...].astype('>u4'))", "little-endian"),
      ("replace('frequency/counts', data=t[...].ravel())", "shape"),
      ("del f['requests']", "there is no such group"),
      ("del f['layer-markov/counts']", "there is no such dataset"),
      ("del f.attrs['experts']", "there is no such attribute"),
      ("f.attrs['experts'] = np.uint32(2**31)", "experts"),
      ("f.attrs['top_k'] = np.uint32(0)", "chooses 0"),
      ("f.attrs['tokens'] = np.uint64(2**63)", "tokens"),
      ("f.attrs['model'] = 'x'", "variable length"),
      ("f.attrs['predictors'] = np.bytes_('oracle')", "not known"),
      ("f.attrs['encoding-version'] = np.bytes_('1')", "this program reads versions 2 to 3"),
      ("f['layer'][...] = 7", "ascend"),
      ("f['frequency/counts'][0, 0] += 1", "content digest"),
      ("f['extra'] = [1]", "does not belong"),
    ]
    let model = try Training.undisturbed()
    for (edit, word) in cases {
      let ending = try inspect(model, edit)
      tally.add(lost: false, silent: ending.status != 1 || ending.isKilled, edit)
      #expect((ending.output + ending.complaint).contains(word), "\(edit): \(ending)")
    }
    tally.tell("each a typed error that names the place")
  }

  /// Chunks and headers that claim more than they hold.
  @Test func traces() throws {
    let tally = Tally("hostile traces: sizes of 2^62, bombs, cut headers, 2 GB of address space")
    let folder = try TemporaryFolder()
    let trace = Array(try Data(contentsOf: URL(filePath: Program.trace)))
    var huge = trace
    // The content size stands behind magic, flags and block size.
    huge.replaceSubrange(6..<14, with: [0, 0, 0, 0, 0, 0, 0, 0x40])
    _ = try Python.run(
      "import lz4.frame, sys; open(sys.argv[1], 'wb').write(lz4.frame.compress(bytes(2**31 - 1)))",
      folder.file("bomb"))
    let bomb = try folder.bytes(of: "bomb")
    let cases: [(String, [UInt8])] = [
      ("huge", huge), ("bomb", bomb), ("header and bomb", Array(trace[..<300]) + bomb),
      ("zeros", [UInt8](repeating: 0, count: 1 << 20)),
      ("magic alone", Array(trace[..<4])), ("empty", []),
      ("skippable of 4 GB", trace + [0x50, 0x2A, 0x4D, 0x18, 0xFF, 0xFF, 0xFF, 0xFF]),
    ]
    for (name, bytes) in cases {
      let path = try folder.write(bytes, to: "hostile.moe.lz4")
      let ending = try Program.limited(to: Self.kilobytes, "inspect", "--verify", path)
      tally.add(lost: false, silent: ending.status != 1 || ending.isKilled, "\(name): \(ending)")
    }
    tally.tell()
  }
}
