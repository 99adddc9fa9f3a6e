import Export
import RoutingTrace
import TestSupport
import Testing

@Suite struct ExporterTests {
  /// What every exporter of a file writes begins as it says, and nothing else of them does.
  @Test func filesAreToldApart() throws {
    let learner = try sampleLearner()
    let blocks = try sampleBlocks().blocks
    var heads: [(ObjectIdentifier, [UInt8])] = []
    for exporter in Exporters.all where exporter.target != .folder {
      let output =
        if let exporter = exporter as? any TableExporter.Type {
          try exported(learner, by: exporter)
        } else if let exporter = exporter as? any TraceExporter.Type {
          try exported(blocks, by: exporter)
        } else {
          MemoryOutput()
        }
      for (file, bytes) in output.files {
        let isOne = exporter.mayBegin(Array(bytes.prefix(512)), of: file)
        #expect(isOne, "\(exporter.name)\(file)")
        if let tells = exporter.isOne { #expect(tells(bytes), "\(exporter.name)") }
      }
      heads.append((ObjectIdentifier(exporter), Array(output.output.prefix(512))))
    }
    #expect(heads.count >= 5)
    for exporter in Exporters.all where exporter.target != .folder {
      for (other, head) in heads where other != ObjectIdentifier(exporter) {
        let isOne = exporter.mayBegin(head, of: ExportFile.output)
        #expect(!isOne, "\(exporter.name)")
      }
    }
  }

  @Test func namesAndSuffixesChoose() {
    for source in [ExportSource.model, .trace] {
      let names = Exporters.of(source).map { $0.name }
      #expect(Set(names).count == names.count)
      let suffixes = Exporters.of(source).flatMap { $0.suffixes }
      #expect(Set(suffixes).count == suffixes.count)
      for exporter in Exporters.of(source) {
        #expect(Exporters.named(exporter.name, of: source) == exporter)
        for suffix in exporter.suffixes {
          #expect(Exporters.writing("a" + suffix, of: source) == exporter)
        }
      }
    }
    #expect(Exporters.named("parquet", of: .trace) == nil)
    #expect(Exporters.writing("a.oracleGeneral.bin", of: .trace) == OracleGeneral.self)
    #expect(Exporters.writing("a.npz", of: .trace) == nil, "of a trace, npz is a folder")
  }
}
