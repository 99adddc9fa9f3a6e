import RoutingTrace
import Testing

@testable import Wafer

/// Sizes against what is published of the models.
struct LayerGapTests {
  private func attention(_ name: String) throws -> (model: ModelShape, shape: AttentionShape) {
    let model = try #require(ModelShape.named(name))
    return (model, try #require(AttentionShape.of(model)))
  }

  /// DeepSeek-V3's report: a cache of 576 numbers a token and layer, 70 KB of 16 bits in all.
  @Test func deepSeeksCache() throws {
    let (model, shape) = try attention("deepseek-v3")
    #expect(shape.cachedNumbers == 576)
    #expect(shape.cachedNumbers * 2 * model.layers == 70_272)
  }

  /// All parameters of a model, embeddings and routers aside, against what it is published with:
  /// DeepSeek-V3 671 billion, Llama-4 Maverick 400, Qwen3 235, Mixtral 46.7, GPT-OSS 116.8.
  @Test(arguments: [
    ("deepseek-v3", 671e9, 129_280), ("llama-4-maverick", 400e9, 202_048),
    ("qwen3-235b-a22b", 235e9, 151_936), ("mixtral-8x7b", 46.7e9, 32_000),
    ("gpt-oss-120b", 116.8e9, 201_088), ("deepseek-v2-lite", 15.7e9, 102_400),
  ])
  func parametersAddUp(name: String, published: Double, vocabulary: Int) throws {
    let (model, shape) = try attention(name)
    let gap = LayerGap(
      model: model, attention: shape, batch: 1, context: 1, on: Hardware())
    let experts = Double(model.moeLayers.count * model.experts * model.parametersPerExpert)
    let all = experts + gap.weightBytes / 2 + Double(2 * vocabulary * model.hidden)
    #expect(abs(all / published - 1) < 0.02, "\(all)")
  }

  /// One layer of Mixtral by hand, on one die: every part at the memory's pace.
  @Test func mixtralByHand() throws {
    let (model, shape) = try attention("mixtral-8x7b")
    var hardware = Hardware()
    (hardware.columns, hardware.rows, hardware.hbmBandwidth) = (1, 1, 1e12)
    let gap = LayerGap(
      model: model, attention: shape, batch: 4, context: 1000, on: hardware)
    // 8 heads of 128, keys and values, 2 bytes.
    #expect(abs(gap.attention - 4000 * 4096e-12) < 1e-15)
    #expect(abs(gap.projections - Double(4096 * 128 * 80 * 2) * 1e-12) < 1e-15)
    #expect(gap.sharedExperts == 0 && gap.denseLayers == 0)
    #expect(gap.cacheBytes == 4000 * 4096 * 32)
  }

  /// MLA does many operations for few bytes: with a long context its time is the compute's.
  @Test func latentAttentionIsBoundByCompute() throws {
    let (model, shape) = try attention("deepseek-v3")
    let hardware = Hardware()
    let gap = LayerGap(
      model: model, attention: shape, batch: 2500, context: 4096, on: hardware)
    let pairs = 100.0 * 4096
    let flops = pairs * Double(2 * 128 * (576 + 512)) / hardware.computeFlops
    let bytes = pairs * 576 * 2 / hardware.hbmBandwidth
    let layers = 61.0 / 58
    #expect(abs(gap.attention / (layers * max(flops, bytes)) - 1) < 1e-12)
    // 3 of 61 layers are dense, each MoE layer has one shared expert.
    #expect(gap.denseLayers > 0 && gap.sharedExperts > 0)
  }

  /// Layers between MoE layers count: Llama-4 has as many dense ones.
  @Test func denseLayersAreSpread() throws {
    let (model, shape) = try attention("llama-4-maverick")
    let gap = LayerGap(
      model: model, attention: shape, batch: 25, context: 100, on: Hardware())
    let dense = Double(3 * 5120 * 16384 * 2) / Hardware().hbmBandwidth
    #expect(abs(gap.denseLayers / dense - 1) < 1e-12)
  }

  @Test func unknownModelsHaveNone() throws {
    #expect(AttentionShape.of(try #require(ModelShape.named("tiny-moe"))) == nil)
  }
}
