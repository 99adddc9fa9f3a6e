import RoutingTrace
import Testing

/// The list of models whose shapes are known.
@Suite struct KnownShapesTests {
  @Test func namesAreOneModelEach() {
    let names = ModelShape.known.map(\.name) + ModelShape.sameShapes.keys
    #expect(Set(names).count == names.count)
    for name in names { #expect(ModelShape.named(name.uppercased())?.name == name) }
    for (name, like) in ModelShape.sameShapes {
      #expect(ModelShape.named(name)?.moeLayers == ModelShape.named(like)?.moeLayers)
    }
    #expect(ModelShape.named("zai-org/GLM-4.5-Air")?.name == "glm-4.5-air")
    #expect(ModelShape.named("unknown") == nil)
    #expect(ModelShape.named("") == nil)
  }

  @Test(arguments: ModelShape.known)
  func isAShapeOfTraces(model: ModelShape) throws {
    let shape = try model.traceShape()
    #expect(shape.layers > 0)
    #expect(model.moeLayers.allSatisfy { (0..<model.layers).contains($0) })
  }

  /// Experts make up most of a model: together they take nearly as many parameters as its card says
  /// (in thousands of millions), and never more.
  @Test(
    arguments: [
      ("deepseek-v3", 671), ("deepseek-v2-lite", 15.7), ("kimi-k2", 1026), ("qwen3-235b-a22b", 235),
      ("qwen3-30b-a3b", 30.5), ("qwen1.5-moe-a2.7b", 14.3), ("llama-4-maverick", 400),
      ("llama-4-scout", 109), ("mixtral-8x7b", 46.7), ("olmoe-1b-7b", 6.9), ("gpt-oss-120b", 117),
      ("gpt-oss-20b", 20.9), ("deepseek-moe-16b", 16.4), ("deepseek-v2", 236),
      ("deepseek-v4-flash", 284), ("deepseek-v4-pro", 1600), ("kimi-linear-48b-a3b", 49),
      ("qwen2-57b-a14b", 57.4), ("qwen3-coder-480b-a35b", 480), ("qwen3-next-80b-a3b", 80),
      ("qwen3.5-397b-a17b", 397), ("qwen3.5-122b-a10b", 122), ("qwen3.5-35b-a3b", 35),
      ("glm-4.5", 355), ("glm-4.5-air", 106), ("glm-4.7-flash", 31), ("glm-5", 744),
      ("minimax-text-01", 456), ("minimax-m2", 230), ("mixtral-8x22b", 141), ("phi-3.5-moe", 42),
      ("granite-3.1-1b-a400m", 1.4), ("granite-3.1-3b-a800m", 3.4), ("granite-4.0-h-tiny", 7),
      ("granite-4.0-h-small", 32), ("ernie-4.5-21b-a3b", 21.8), ("ernie-4.5-300b-a47b", 300),
      ("hunyuan-a13b", 80), ("dots.llm1", 142), ("step-3", 321), ("step-3.5-flash", 197),
      ("jamba-1.5-mini", 52), ("dbrx", 132), ("ling-mini-2.0", 16.3), ("ling-flash-2.0", 103),
    ] as [(String, Double)])
  func expertsAreMostOfTheModel(name: String, billions: Double) throws {
    let model = try #require(ModelShape.named(name))
    let experts =
      Double(model.parametersPerExpert) * Double(model.experts) * Double(model.moeLayers.count)
      / 1e9
    #expect(experts <= billions)
    #expect(experts >= 0.75 * billions, "\(experts) of \(billions)")
  }
}
