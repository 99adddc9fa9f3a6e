import LoadProfile
import TestSupport
import Testing

@testable import TraceImport

/// What every format of counts must keep, and so every format to come.
@Suite struct CountsFormatTests {
  @Test func namesAreUniqueAndFound() {
    #expect(
      Set(CountsFormat.names + ForeignFormat.names).count
        == CountsFormat.all.count + ForeignFormat.all.count)
    for format in CountsFormat.all { #expect(CountsFormat(named: format.name) == format) }
    #expect(CountsFormat(named: "npz") == nil)
  }

  /// Its sample is recognised as the format, as no other, and as no trace, and is read.
  @Test(arguments: CountsFormat.all)
  func theSampleIsOfTheFormat(format: CountsFormat) throws {
    let sample = format.sample
    let counts = CountsFormat.all.filter {
      $0.type.recognises(sample.content, fileNamed: sample.fileName)
    }
    #expect(counts == [format])
    let traces = ForeignFormat.all.filter {
      $0.type.recognises(sample.content, fileNamed: sample.fileName)
    }
    #expect(traces == [])
    let isAccepted = format.type.accepts(fileNamed: sample.fileName)
    #expect(isAccepted)
    let folder = try TemporaryFolder()
    try folder.write(sample.content, to: sample.fileName)
    let profile = try importCounts([folder.path])
    #expect(profile.experts == 4)
    #expect(profile.choices > 0)
    #expect(profile.provenance["format"] == format.name)
  }

  /// No sample of a trace is taken for counts.
  @Test(arguments: ForeignFormat.all)
  func tracesAreNoCounts(format: ForeignFormat) throws {
    let folder = try TemporaryFolder()
    let sample = format.sample
    let path = try folder.write(sample.content, to: sample.fileName)
    #expect(try LoadProfileImporter([path]) == nil)
  }

  @Test(arguments: CountsFormat.all)
  func gzipIsTakenAway(format: CountsFormat) throws {
    let folder = try TemporaryFolder()
    let sample = format.sample
    let plain = try folder.write(sample.content, to: "plain/" + sample.fileName)
    let packed = try folder.write(
      try Gzip.member(sample.content), to: "packed/" + sample.fileName + ".gz")
    #expect(try importCounts([plain]).counts == importCounts([packed]).counts)
  }

  /// Every cut and every changed byte is a typed error, or counts that can be counted.
  @Test(arguments: CountsFormat.all)
  func damageIsATypedError(format: CountsFormat) throws {
    let sample = format.sample
    let folder = try TemporaryFolder()
    var untyped: [Int] = []
    for place in sample.content.indices {
      var flipped = sample.content
      flipped[place] ^= 1 << (place % 8)
      for bytes in [Array(sample.content[..<place]), flipped] {
        let path = try folder.write(bytes, to: sample.fileName)
        do { _ = try importCounts([path], format: format) } catch {
          if !(error is ImportError) { untyped.append(place) }
        }
      }
    }
    #expect(untyped == [])
  }
}

/// The profile of `inputs`.
func importCounts(
  _ inputs: [String], format: CountsFormat? = nil, options: ImportOptions = ImportOptions()
) throws -> LoadProfile {
  let importer = try #require(try LoadProfileImporter(inputs, format: format))
  return try importer.profile(options: options)
}
