import TestSupport
import Testing

@testable import TraceImport

/// What every format in the list must keep, and so every format to come.
@Suite struct ForeignFormatTests {
  @Test func namesAreUniqueAndFound() {
    #expect(Set(ForeignFormat.names).count == ForeignFormat.all.count)
    for format in ForeignFormat.all { #expect(ForeignFormat(named: format.name) == format) }
    #expect(ForeignFormat(named: "auto") == nil)
  }

  /// Its sample is recognised as the format, as no other, and gives requests.
  @Test(arguments: ForeignFormat.all)
  func theSampleIsOfTheFormat(format: ForeignFormat) throws {
    let sample = format.sample
    let recognised = ForeignFormat.all.filter {
      $0.type.recognises(sample.content, fileNamed: sample.fileName)
    }
    #expect(recognised == [format])
    let type = format.type
    let isAccepted = type.accepts(fileNamed: sample.fileName)
    #expect(isAccepted)
    let folder = try TemporaryFolder()
    let path = try folder.write(sample.content, to: sample.fileName)
    // Some files do not say where the prompt ends.
    var options = ImportOptions(experts: 8, topK: 2)
    let fault = importFault { try importAll([path], format: format, options: options) }
    if fault?.kind == .missing { options.prefill = 1 }
    #expect(try !importAll([path], format: format, options: options).isEmpty)
  }

  /// Cut off at any byte, or with a bit flipped in any, the sample gives requests or a typed error;
  /// files that are not cut or flipped are not asked for.
  @Test(arguments: ForeignFormat.all)
  func damagedSamplesGiveTypedErrors(format: ForeignFormat) throws {
    let (name, content) = format.sample
    let folder = try TemporaryFolder()
    var damaged = content.indices.map { Array(content[..<$0]) }
    damaged += content.indices.map { at in
      var bytes = content
      bytes[at] ^= 1 << UInt8(at % 8)
      return bytes
    }
    for bytes in damaged {
      let path = try folder.write(bytes, to: name)
      for topK in [2, nil] {
        let options = ImportOptions(experts: 8, topK: topK, prefill: 1)
        do { _ = try importAll([path], format: format, options: options) } catch {
          #expect(error is ImportError, "\(error)")
        }
      }
    }
  }
}
