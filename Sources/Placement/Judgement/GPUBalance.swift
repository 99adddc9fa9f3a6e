/// How evenly loads are spread over GPUs, by the words of two engines.
public enum GPUBalance {
  /// SGLang's balancedness of one layer of one batch: (mean + 1e-5) / (maximum + 1e-5); 1 is even.
  public static func sglang(_ loads: [Double]) -> Double {
    (mean(loads) + 1e-5) / ((loads.max() ?? 0) + 1e-5)
  }

  /// TensorRT-LLM's imbalance ratio of one layer of one batch: (maximum - mean) / mean; 0 is even,
  /// and what nobody asks for.
  public static func tensorRT(_ loads: [Double]) -> Double {
    let mean = mean(loads)
    return mean > 0 ? ((loads.max() ?? 0) - mean) / mean : 0
  }

  private static func mean(_ loads: [Double]) -> Double {
    loads.isEmpty ? 0 : loads.reduce(0, +) / Double(loads.count)
  }
}
