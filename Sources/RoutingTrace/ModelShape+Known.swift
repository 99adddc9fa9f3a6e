/// The models whose shapes are known, as the `config.json` of the repository named before each has it
/// (huggingface.co).
extension ModelShape {
  /// The known model called `name`, or nil; case and `_` for `-` do not matter, and neither does an
  /// organisation before it. A model that is shaped like a known one has its own name here.
  public static func named(_ name: String) -> ModelShape? {
    let last = name.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
    let wanted = String(last.lowercased().map { $0 == "_" ? "-" : $0 })
    if let model = known.first(where: { $0.name == wanted }) { return model }
    guard let like = sameShapes[wanted], let model = known.first(where: { $0.name == like }) else {
      return nil
    }
    return ModelShape(
      name: wanted, layers: model.layers, moeLayers: model.moeLayers, experts: model.experts,
      sharedExperts: model.sharedExperts, topK: model.topK, hidden: model.hidden,
      intermediate: model.intermediate)
  }

  /// Models that have the shape of another.
  public static let sameShapes = [
    "deepseek-r1": "deepseek-v3", "deepseek-v3.1": "deepseek-v3", "deepseek-v3.2": "deepseek-v3",
    "deepseek-v2.5": "deepseek-v2", "moonlight-16b-a3b": "deepseek-v2-lite",
    "kimi-k2.5": "kimi-k2", "kimi-k2.6": "kimi-k2", "glm-4.6": "glm-4.5", "glm-4.7": "glm-4.5",
    "glm-5.1": "glm-5", "glm-5.2": "glm-5", "minimax-m1": "minimax-text-01",
    "minimax-m2.1": "minimax-m2", "minimax-m2.5": "minimax-m2", "minimax-m2.7": "minimax-m2",
    "qwen3-coder-30b-a3b": "qwen3-30b-a3b", "qwen3-coder-next": "qwen3-next-80b-a3b",
    "qwen3.6-35b-a3b": "qwen3.5-35b-a3b", "step-3.7-flash": "step-3.5-flash",
  ]

  /// The models whose shapes are known: first those of the paper's table of model shapes.
  public static let known: [ModelShape] = [
    // deepseek-ai/DeepSeek-V3; R1, V3.1 and V3.2 are the same.
    ModelShape(
      name: "deepseek-v3", layers: 61, moeLayers: 3..<61, experts: 256,
      sharedExperts: 1, topK: 8, hidden: 7168, intermediate: 2048),
    // deepseek-ai/DeepSeek-V2-Lite; moonshotai/Moonlight-16B-A3B is the same.
    ModelShape(
      name: "deepseek-v2-lite", layers: 27, moeLayers: 1..<27, experts: 64,
      sharedExperts: 2, topK: 6, hidden: 2048, intermediate: 1408),
    // moonshotai/Kimi-K2-Instruct; K2.5 and K2.6 are the same.
    ModelShape(
      name: "kimi-k2", layers: 61, moeLayers: 1..<61, experts: 384,
      sharedExperts: 1, topK: 8, hidden: 7168, intermediate: 2048),
    // Qwen/Qwen3-235B-A22B; Qwen3-VL-235B-A22B is the same.
    ModelShape(
      name: "qwen3-235b-a22b", layers: 94, moeLayers: 0..<94, experts: 128,
      sharedExperts: 0, topK: 8, hidden: 4096, intermediate: 1536),
    // Qwen/Qwen3-30B-A3B; the Coder, VL and Omni models of this size are the same.
    ModelShape(
      name: "qwen3-30b-a3b", layers: 48, moeLayers: 0..<48, experts: 128,
      sharedExperts: 0, topK: 8, hidden: 2048, intermediate: 768),
    // Qwen/Qwen1.5-MoE-A2.7B
    ModelShape(
      name: "qwen1.5-moe-a2.7b", layers: 24, moeLayers: 0..<24, experts: 60,
      sharedExperts: 4, topK: 4, hidden: 2048, intermediate: 1408),
    // meta-llama/Llama-4-Maverick-17B-128E
    ModelShape(
      name: "llama-4-maverick", layers: 48, moeLayers: stride(from: 1, to: 48, by: 2), experts: 128,
      sharedExperts: 1, topK: 1, hidden: 5120, intermediate: 8192),
    // meta-llama/Llama-4-Scout-17B-16E
    ModelShape(
      name: "llama-4-scout", layers: 48, moeLayers: 0..<48, experts: 16,
      sharedExperts: 1, topK: 1, hidden: 5120, intermediate: 8192),
    // mistralai/Mixtral-8x7B-v0.1
    ModelShape(
      name: "mixtral-8x7b", layers: 32, moeLayers: 0..<32, experts: 8,
      sharedExperts: 0, topK: 2, hidden: 4096, intermediate: 14336),
    // allenai/OLMoE-1B-7B-0924
    ModelShape(
      name: "olmoe-1b-7b", layers: 16, moeLayers: 0..<16, experts: 64,
      sharedExperts: 0, topK: 8, hidden: 2048, intermediate: 1024),
    // openai/gpt-oss-120b
    ModelShape(
      name: "gpt-oss-120b", layers: 36, moeLayers: 0..<36, experts: 128,
      sharedExperts: 0, topK: 4, hidden: 2880, intermediate: 2880),
    // openai/gpt-oss-20b
    ModelShape(
      name: "gpt-oss-20b", layers: 24, moeLayers: 0..<24, experts: 32,
      sharedExperts: 0, topK: 4, hidden: 2880, intermediate: 2880),
    // This project's own.
    ModelShape(
      name: "tiny-moe", layers: 12, moeLayers: 0..<12, experts: 64,
      sharedExperts: 1, topK: 8, hidden: 192, intermediate: 64),
    // deepseek-ai/deepseek-moe-16b-base
    ModelShape(
      name: "deepseek-moe-16b", layers: 28, moeLayers: 1..<28, experts: 64,
      sharedExperts: 2, topK: 6, hidden: 2048, intermediate: 1408),
    // deepseek-ai/DeepSeek-V2; V2.5 is the same.
    ModelShape(
      name: "deepseek-v2", layers: 60, moeLayers: 1..<60, experts: 160,
      sharedExperts: 2, topK: 6, hidden: 5120, intermediate: 1536),
    // deepseek-ai/DeepSeek-V4-Flash; its first three layers route by a hash of the token.
    ModelShape(
      name: "deepseek-v4-flash", layers: 43, moeLayers: 0..<43, experts: 256,
      sharedExperts: 1, topK: 6, hidden: 4096, intermediate: 2048),
    // deepseek-ai/DeepSeek-V4-Pro; its first three layers route by a hash of the token.
    ModelShape(
      name: "deepseek-v4-pro", layers: 61, moeLayers: 0..<61, experts: 384,
      sharedExperts: 1, topK: 6, hidden: 7168, intermediate: 3072),
    // moonshotai/Kimi-Linear-48B-A3B-Instruct
    ModelShape(
      name: "kimi-linear-48b-a3b", layers: 27, moeLayers: 1..<27, experts: 256,
      sharedExperts: 1, topK: 8, hidden: 2304, intermediate: 1024),
    // Qwen/Qwen2-57B-A14B; its shared expert is as wide as eight routed ones.
    ModelShape(
      name: "qwen2-57b-a14b", layers: 28, moeLayers: 0..<28, experts: 64,
      sharedExperts: 8, topK: 8, hidden: 3584, intermediate: 2560),
    // Qwen/Qwen3-Coder-480B-A35B-Instruct
    ModelShape(
      name: "qwen3-coder-480b-a35b", layers: 62, moeLayers: 0..<62, experts: 160,
      sharedExperts: 0, topK: 8, hidden: 6144, intermediate: 2560),
    // Qwen/Qwen3-Next-80B-A3B-Instruct; Qwen3-Coder-Next is the same.
    ModelShape(
      name: "qwen3-next-80b-a3b", layers: 48, moeLayers: 0..<48, experts: 512,
      sharedExperts: 1, topK: 10, hidden: 2048, intermediate: 512),
    // Qwen/Qwen3.5-397B-A17B
    ModelShape(
      name: "qwen3.5-397b-a17b", layers: 60, moeLayers: 0..<60, experts: 512,
      sharedExperts: 1, topK: 10, hidden: 4096, intermediate: 1024),
    // Qwen/Qwen3.5-122B-A10B
    ModelShape(
      name: "qwen3.5-122b-a10b", layers: 48, moeLayers: 0..<48, experts: 256,
      sharedExperts: 1, topK: 8, hidden: 3072, intermediate: 1024),
    // Qwen/Qwen3.5-35B-A3B; Qwen3.6-35B-A3B is the same.
    ModelShape(
      name: "qwen3.5-35b-a3b", layers: 40, moeLayers: 0..<40, experts: 256,
      sharedExperts: 1, topK: 8, hidden: 2048, intermediate: 512),
    // zai-org/GLM-4.5; GLM-4.6 and 4.7 are the same.
    ModelShape(
      name: "glm-4.5", layers: 92, moeLayers: 3..<92, experts: 160,
      sharedExperts: 1, topK: 8, hidden: 5120, intermediate: 1536),
    // zai-org/GLM-4.5-Air; GLM-4.5V is the same.
    ModelShape(
      name: "glm-4.5-air", layers: 46, moeLayers: 1..<46, experts: 128,
      sharedExperts: 1, topK: 8, hidden: 4096, intermediate: 1408),
    // zai-org/GLM-4.7-Flash
    ModelShape(
      name: "glm-4.7-flash", layers: 47, moeLayers: 1..<47, experts: 64,
      sharedExperts: 1, topK: 4, hidden: 2048, intermediate: 1536),
    // zai-org/GLM-5; GLM-5.1 and 5.2 are the same.
    ModelShape(
      name: "glm-5", layers: 78, moeLayers: 3..<78, experts: 256,
      sharedExperts: 1, topK: 8, hidden: 6144, intermediate: 2048),
    // MiniMaxAI/MiniMax-Text-01; MiniMax-M1 is the same.
    ModelShape(
      name: "minimax-text-01", layers: 80, moeLayers: 0..<80, experts: 32,
      sharedExperts: 0, topK: 2, hidden: 6144, intermediate: 9216),
    // MiniMaxAI/MiniMax-M2; M2.1, M2.5 and M2.7 are the same.
    ModelShape(
      name: "minimax-m2", layers: 62, moeLayers: 0..<62, experts: 256,
      sharedExperts: 0, topK: 8, hidden: 3072, intermediate: 1536),
    // mistralai/Mixtral-8x22B-v0.1
    ModelShape(
      name: "mixtral-8x22b", layers: 56, moeLayers: 0..<56, experts: 8,
      sharedExperts: 0, topK: 2, hidden: 6144, intermediate: 16384),
    // microsoft/Phi-3.5-MoE-instruct
    ModelShape(
      name: "phi-3.5-moe", layers: 32, moeLayers: 0..<32, experts: 16,
      sharedExperts: 0, topK: 2, hidden: 4096, intermediate: 6400),
    // ibm-granite/granite-3.1-1b-a400m-base; 3.0 is the same.
    ModelShape(
      name: "granite-3.1-1b-a400m", layers: 24, moeLayers: 0..<24, experts: 32,
      sharedExperts: 0, topK: 8, hidden: 1024, intermediate: 512),
    // ibm-granite/granite-3.1-3b-a800m-base; 3.0 is the same.
    ModelShape(
      name: "granite-3.1-3b-a800m", layers: 32, moeLayers: 0..<32, experts: 40,
      sharedExperts: 0, topK: 8, hidden: 1536, intermediate: 512),
    // ibm-granite/granite-4.0-h-tiny; its shared expert is as wide as two routed ones.
    ModelShape(
      name: "granite-4.0-h-tiny", layers: 40, moeLayers: 0..<40, experts: 64,
      sharedExperts: 2, topK: 6, hidden: 1536, intermediate: 512),
    // ibm-granite/granite-4.0-h-small; its shared expert is as wide as two routed ones.
    ModelShape(
      name: "granite-4.0-h-small", layers: 40, moeLayers: 0..<40, experts: 72,
      sharedExperts: 2, topK: 10, hidden: 4096, intermediate: 768),
    // baidu/ERNIE-4.5-21B-A3B-PT
    ModelShape(
      name: "ernie-4.5-21b-a3b", layers: 28, moeLayers: 1..<28, experts: 64,
      sharedExperts: 2, topK: 6, hidden: 2560, intermediate: 1536),
    // baidu/ERNIE-4.5-300B-A47B-PT
    ModelShape(
      name: "ernie-4.5-300b-a47b", layers: 54, moeLayers: 3..<54, experts: 64,
      sharedExperts: 0, topK: 8, hidden: 8192, intermediate: 3584),
    // tencent/Hunyuan-A13B-Instruct
    ModelShape(
      name: "hunyuan-a13b", layers: 32, moeLayers: 0..<32, experts: 64,
      sharedExperts: 1, topK: 8, hidden: 4096, intermediate: 3072),
    // rednote-hilab/dots.llm1.inst
    ModelShape(
      name: "dots.llm1", layers: 62, moeLayers: 1..<62, experts: 128,
      sharedExperts: 2, topK: 6, hidden: 4096, intermediate: 1408),
    // stepfun-ai/step3; its last layer is dense.
    ModelShape(
      name: "step-3", layers: 61, moeLayers: 4..<60, experts: 48,
      sharedExperts: 1, topK: 3, hidden: 7168, intermediate: 5120),
    // stepfun-ai/Step-3.5-Flash; Step-3.7-Flash is the same.
    ModelShape(
      name: "step-3.5-flash", layers: 45, moeLayers: 3..<45, experts: 288,
      sharedExperts: 1, topK: 8, hidden: 4096, intermediate: 1280),
    // ai21labs/AI21-Jamba-1.5-Mini
    ModelShape(
      name: "jamba-1.5-mini", layers: 32, moeLayers: stride(from: 1, to: 32, by: 2), experts: 16,
      sharedExperts: 0, topK: 2, hidden: 4096, intermediate: 14336),
    // databricks/dbrx-base
    ModelShape(
      name: "dbrx", layers: 40, moeLayers: 0..<40, experts: 16,
      sharedExperts: 0, topK: 4, hidden: 6144, intermediate: 10752),
    // inclusionAI/Ling-mini-2.0
    ModelShape(
      name: "ling-mini-2.0", layers: 20, moeLayers: 1..<20, experts: 256,
      sharedExperts: 1, topK: 8, hidden: 2048, intermediate: 512),
    // inclusionAI/Ling-flash-2.0
    ModelShape(
      name: "ling-flash-2.0", layers: 32, moeLayers: 1..<32, experts: 256,
      sharedExperts: 1, topK: 8, hidden: 4096, intermediate: 1024),
  ]
}
