import Wafer

extension PlacementJudge {
  /// Holds a layout's experts against the GPUs' memory.
  ///
  /// - Parameter modelLayers: MoE layers of the model, each of which has as many slots.
  /// - Throws: ``PlacementError`` where they do not fit.
  public func check(_ layout: DeviceLayout, modelLayers: Int) throws(PlacementError) {
    let needed = Double(layout.slotsPerGPU * modelLayers) * expert.weightBytes
    let usable = fabric.hardware.usableHBM
    guard needed > usable else { return }
    throw PlacementError(
      "\(layout.slotsPerGPU) experts a GPU in each of \(modelLayers) layers take "
        + "\(gigabytes(needed)), and a GPU of \(fabric.hardware.name) has \(gigabytes(usable)) for them",
      remedy: "take more GPUs, fewer redundant slots, or smaller weights")
  }

  /// `773.1 GB`.
  private func gigabytes(_ bytes: Double) -> String {
    "\((bytes / 1e8).rounded() / 10) GB"
  }
}
