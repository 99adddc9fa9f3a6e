import Foundation

/// libFuzzer over everything that reads bytes from outside; libFuzzer brings `main`.
///
///     Fuzz TARGET CORPUS... [libFuzzer's options]     fuzzes, with seeds added to the first corpus
///     Fuzz TARGET FILE...                             runs the files once
///     Fuzz list                                       prints the targets
///
/// A target must neither crash nor pass libFuzzer's cap on memory, and every error must be of the
/// type its reader documents.
nonisolated(unsafe) private var target: FuzzTarget = .trace

/// Takes the target's name out of the arguments and writes its seeds.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
  let words = (1..<Int(count.pointee)).compactMap {
    arguments.pointee[$0].map { String(cString: $0) }
  }
  if words == ["list"] {
    print(FuzzTarget.names.joined(separator: " "))
    exit(0)
  }
  guard let name = words.first, let chosen = FuzzTarget(named: name) else {
    print("usage: Fuzz \(FuzzTarget.names.joined(separator: "|")) CORPUS...")
    exit(2)
  }
  target = chosen
  arguments.pointee[1] = arguments.pointee[0]
  arguments.pointee += 1
  count.pointee -= 1
  var isFolder: ObjCBool = false
  if let corpus = words.dropFirst().first(where: { !$0.hasPrefix("-") }),
    FileManager.default.fileExists(atPath: corpus, isDirectory: &isFolder), isFolder.boolValue
  {
    do {
      for (index, seed) in try target.seeds().enumerated() {
        try Data(seed).write(to: URL(filePath: "\(corpus)/seed-\(index)"))
      }
    } catch {
      print("Fuzz: the seeds cannot be made: \(error)")
      exit(1)
    }
  }
  return 0
}

/// Runs one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
