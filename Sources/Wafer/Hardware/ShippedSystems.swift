extension Hardware {
  /// The systems that need no file, in the order in which they are shown.
  public static let shippedNames = [
    "dojo", "sow", "dojo-enhanced", "pcie-1", "nvlink-8", "nvl72", "cxl-1", "wafer-8x8",
  ]

  /// The file of the shipped system called `name`, or nil.
  static func shippedFile(_ name: String) -> [UInt8]? {
    switch name.lowercased() {
    case "dojo": PackageResources.dojo_json
    case "sow", "tsmc-sow": PackageResources.sow_json
    case "dojo-enhanced": PackageResources.dojo_enhanced_json
    case "pcie-1": PackageResources.pcie_1_json
    case "nvlink-8": PackageResources.nvlink_8_json
    case "nvl72": PackageResources.nvl72_json
    case "cxl-1": PackageResources.cxl_1_json
    case "wafer-8x8": PackageResources.wafer_8x8_json
    default: nil
    }
  }
}
