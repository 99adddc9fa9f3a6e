import HDF5
import TestSupport
import Testing

/// What h5py sees of our files.
@Suite(.enabled(if: Python.has("h5py"), "python3 with h5py is absent"))
struct PythonTests {
  @Test func h5pyReadsEverything() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(sample(), to: "sample.h5")
    let printed = try Python.run(
      """
      import h5py, sys
      f = h5py.File(sys.argv[1])
      g = f['layer']
      d = g['counts']
      print(f.attrs['encoding-type'].decode(), int(f.attrs['version']), f.attrs['version'].dtype)
      print(d.dtype.str, d.shape, d.chunks, d.compression, d.compression_opts, d.shuffle, d.fletcher32)
      print(d[...].ravel().tolist() == list(range(24)), d.dims[1].keys(), d.dims[1][0][...].tolist())
      print(g['sums'][...].tolist(), [s.decode() for s in g['names'][...]], sorted(g))
      """, path)
    #expect(
      printed == """
        sample 1 uint32
        <u4 (8, 3) (4, 3) gzip 1 True True
        True ['expert'] [0, 1, 2]
        [0.5, 1.5, 2.5] ['a', 'bc'] ['counts', 'expert', 'names', 'sums']

        """)
  }

  @Test func filesOfH5pyAreRead() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("h5py.h5")
    _ = try Python.run(
      """
      import h5py, sys, numpy as np
      f = h5py.File(sys.argv[1], 'w')
      x = (np.arange(60 * 50, dtype='<u4') ** 2).reshape(60, 50)
      f.create_dataset('plain', data=x)
      f.create_dataset('all', data=x, chunks=(7, 11), compression='gzip', compression_opts=9,
                       shuffle=True, fletcher32=True)
      f.create_dataset('odd', data=np.arange(999, dtype='u1'), chunks=(333,), fletcher32=True)
      f.attrs['name'] = np.bytes_('text')
      """, path)
    let file = try H5File(bytes: folder.bytes(of: "h5py.h5"))
    let squares = (0..<3000).map { UInt32($0 * $0) }
    #expect(try file.root.dataset("plain").read(UInt32.self) == squares)
    #expect(try file.root.dataset("all").read(UInt32.self) == squares)
    #expect(
      try file.root.dataset("odd").read(UInt8.self) == (0..<999).map { UInt8($0 % 256) })
    #expect(try file.root.string("name") == "text")
  }

  /// Each file is made to hurt; the error's kind and a word of its text are what is expected.
  @Test(
    arguments: [
      ("f['x'] = h5py.SoftLink('/y'); f['y'] = u", .forbidden, "soft link"),
      ("f['x'] = h5py.ExternalLink('/etc/passwd', '/x')", .forbidden, "another file"),
      (
        "f.create_dataset('x', (8,), '<u4', external=[('/etc/passwd', 0, 32)])", .forbidden,
        "other files"
      ),
      (
        "l = h5py.VirtualLayout((8,), '<u4'); l[:] = h5py.VirtualSource('o.h5', 'x', (8,)); "
          + "f.create_virtual_dataset('x', l)", .forbidden, "virtual"
      ),
      ("f.create_dataset('x', data=u, chunks=(8,), compression='lzf')", .forbidden, "filter 32000"),
      ("f.create_dataset('x', data=u, chunks=(8,), scaleoffset=0)", .forbidden, "filter 6"),
      ("f['x'] = u.astype('>u4')", .mismatch, "little-endian"),
      ("f['x'] = u.astype('f4')", .mismatch, "uint32"),
      ("f['x'] = h5py.Empty('<u4')", .mismatch, "no values"),
      ("f.create_dataset('x', (2**40,), '<u4', chunks=(1024,))", .tooLarge, "declares"),
      ("f.create_dataset('x', (2**62, 2**62), '<u4', chunks=(1, 1))", .tooLarge, "declares"),
      ("f.create_dataset('x', (2**20,), '<u4', chunks=(1024,))", .tooLarge, "no chunk at [0]"),
      (
        "d = f.create_dataset('x', (4096,), '<u4', chunks=(1024,)); d[:2048] = 1", .tooLarge,
        "no chunk at [2048]"
      ),
      ("f.create_dataset('x', (2**20,), '<u4')", .tooLarge, "stores 0"),
      (
        "f.create_dataset('x', data=np.zeros(2**20, '<u4'), chunks=(2**20,), compression='gzip')",
        .tooLarge, "declares 4194304 bytes"
      ),
      (
        "d = f.create_dataset('x', (8,), '<u4', chunks=(8,), compression='gzip'); "
          + "d.id.write_direct_chunk((0,), zlib.compress(bytes(2**20)))", .mismatch, "damaged"
      ),
      (
        "d = f.create_dataset('x', (8,), '<u4', chunks=(8,), compression='gzip'); "
          + "d.id.write_direct_chunk((0,), zlib.compress(bytes(5)))", .mismatch, "damaged"
      ),
      (
        "d = f.create_dataset('x', (8,), '<u4', chunks=(8,), fletcher32=True); "
          + "d.id.write_direct_chunk((0,), bytes(3))", .mismatch, "damaged"
      ),
      (
        "d = f.create_dataset('x', (8,), '<u4', chunks=(8,), shuffle=True); "
          + "d.id.write_direct_chunk((0,), bytes(2**20))", .tooLarge, "takes 1048576 bytes"
      ),
    ] as [(String, H5Error.Kind, String)])
  func hostile(script: String, kind: H5Error.Kind, word: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("hostile.h5")
    _ = try Python.run(
      """
      import h5py, sys, zlib, numpy as np
      u = np.arange(8, dtype='<u4')
      f = h5py.File(sys.argv[1], 'w')
      \(script)
      """, path)
    let file = try H5File(bytes: folder.bytes(of: "hostile.h5"))
    do {
      _ = try file.root.dataset("x").read(UInt32.self)
      Issue.record("a hostile dataset was read")
    } catch let error {
      #expect(error.kind == kind)
      #expect(error.description.contains(word), "\(error)")
    }
  }

  @Test func stringsOfVariableLengthAreRefused() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("strings.h5")
    _ = try Python.run(
      """
      import h5py, sys
      f = h5py.File(sys.argv[1], 'w')
      f.attrs['a'] = 'text'
      f['x'] = ['text', 'more']
      """, path)
    let file = try H5File(bytes: folder.bytes(of: "strings.h5"))
    #expect(throws: H5Error.self) { try file.root.string("a") }
    #expect(throws: H5Error.self) { try file.root.dataset("x").readStrings() }
  }
}
