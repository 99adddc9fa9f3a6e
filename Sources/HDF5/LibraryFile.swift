import CHDF5

/// A shared library that HDF5's functions may be taken from.
struct LibraryFile {
  /// What the linker knows it by.
  let name: String

  /// Where they may be, the likeliest first: Debian's name of the serial library, that of other
  /// distributions, and those that stand where programs are built against it. Each is the
  /// high-level library, which brings the other one along.
  static let candidates = [
    "libhdf5_serial_hl.so.100", "libhdf5_hl.so.100", "libhdf5_serial_hl.so", "libhdf5_hl.so",
  ].map { LibraryFile(name: $0) }

  /// Takes the functions from the first of `files` that will do.
  ///
  /// - Returns: an error of the kind ``H5Error/Kind/unavailable`` where none does: what is wrong
  ///   with one that is there, else what the linker says of the first.
  static func open(_ files: [LibraryFile]) -> H5Error? {
    var absent: String?
    var unfit: String?
    for file in files {
      var reason = [CChar](repeating: 0, count: 512)
      let outcome = chdf5_load(file.name, &reason, reason.count)
      let said = String(
        decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      switch outcome {
      case chdf5_loaded: return nil
      case chdf5_absent: absent = absent ?? said
      case chdf5_other_version:
        unfit = unfit ?? "\(file.name) is version \(said), not \(String(cString: chdf5_version()))"
      default: unfit = unfit ?? "\(file.name) lacks \(said)"
      }
    }
    let reason = unfit ?? absent ?? "no name to look for"
    return H5Error(.unavailable, at: "libhdf5", "cannot be opened (\(reason))")
  }
}
