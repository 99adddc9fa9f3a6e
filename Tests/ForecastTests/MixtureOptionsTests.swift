import Forecast
import Testing

@Suite struct MixtureOptionsTests {
  @Test func namesAreReadPartByPart() {
    #expect(MixtureOptions(name: "mixture") == MixtureOptions())
    #expect(MixtureOptions(name: "mixture-fast")?.parts == .fast)
    #expect(MixtureOptions(name: "mixture-all")?.parts == .all)
    #expect(MixtureOptions(name: "mixture:h3")?.horizon == 3)
    #expect(MixtureOptions(name: "mixture:next")?.horizon == 0)
    #expect(MixtureOptions(name: "mixture:only-layer:with-pairs")?.parts == [.layer, .pairs])
    #expect(
      MixtureOptions(name: "mixture:without-paths")?.parts
        == MixtureParts.standard.subtracting([.nearPaths, .longPaths, .bestPaths]))
    #expect(MixtureOptions(name: "mixture:tasks")?.usesTasks == true)
    #expect(MixtureOptions(name: "mixture:cold-decode")?.keepsPrefill == false)
    #expect(MixtureOptions(name: "mixture:halving-4096")?.halvingTotal == 4096)
  }

  @Test(arguments: [
    "", "mix", "mixture:", "mixture:h5", "mixture:h0", "mixture:without-", "mixture:only-all",
    "mixture:halving-2", "mixture:halving-x", "mixture-fast:turbo", "frequency:h2",
  ])
  func strangersAreRefused(name: String) {
    #expect(MixtureOptions(name: name) == nil)
  }

  @Test func everyPartHasAName() {
    #expect(MixtureParts.named.reduce(into: MixtureParts()) { $0.formUnion($1.part) } == .all)
    #expect(Set(MixtureParts.named.map(\.name)).count == MixtureParts.named.count)
  }
}
