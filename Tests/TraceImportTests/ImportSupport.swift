import RoutingTrace
import TestSupport

@testable import TraceImport

/// All requests of `inputs`.
func importAll(
  _ inputs: [String], format: ForeignFormat? = nil, options: ImportOptions
) throws -> [RequestTrace] {
  var importer = try TraceImporter(inputs, format: format, options: options)
  var requests: [RequestTrace] = []
  while let request = try importer.next() { requests.append(request) }
  return requests
}

/// The requests of one file with the contents `text`.
func importText(
  _ text: String, named name: String, format: ForeignFormat? = nil,
  options: ImportOptions = ImportOptions(experts: 8)
) throws -> [RequestTrace] {
  let folder = try TemporaryFolder()
  let path = try folder.write(Array(text.utf8), to: name)
  return try importAll([path], format: format, options: options)
}

/// The error of an import that must fail.
func importFault(_ body: () throws -> [RequestTrace]) -> ImportError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? ImportError
  }
}

/// Imports every beginning of `bytes`: each must give a typed error, the whole the requests.
///
/// - Returns: lengths that were taken without an error, and those whose error had another type.
func cutEverywhere(
  _ bytes: [UInt8], named name: String, format: ForeignFormat, options: ImportOptions
) throws -> (taken: [Int], untyped: [Int]) {
  let folder = try TemporaryFolder()
  var taken: [Int] = []
  var untyped: [Int] = []
  for length in 0...bytes.count {
    let path = try folder.write(Array(bytes[..<length]), to: name)
    do {
      _ = try importAll([path], format: format, options: options)
      taken.append(length)
    } catch {
      if !(error is ImportError) { untyped.append(length) }
    }
  }
  return (taken, untyped)
}

/// A file as the finder gives it.
func found(_ path: String) -> FoundFile {
  FoundFile(path: path, folder: "", size: 0, isNamed: true)
}
