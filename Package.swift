// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

let package = Package(
  name: "moecast",
  products: [
    .executable(name: "moecast", targets: ["moecast"]),
    .library(name: "RoutingTrace", targets: ["RoutingTrace"]),
    .library(name: "Wafer", targets: ["Wafer"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
    .target(name: "LZ4Frame", dependencies: ["CLZ4"], swiftSettings: strict),
    .target(name: "RoutingTrace", dependencies: ["LZ4Frame", system], swiftSettings: strict),
    .target(
      name: "Wafer", dependencies: ["RoutingTrace"],
      resources: ["dojo", "sow", "dojo-enhanced", "pcie-1", "nvlink-8"].map {
        .embedInCode("Hardware/\($0).json")
      },
      swiftSettings: strict),
    .executableTarget(
      name: "moecast",
      dependencies: [
        "RoutingTrace",
        "Wafer",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: ["RoutingTrace"], path: "Tests/TestSupport",
      swiftSettings: strict),
    .testTarget(name: "LZ4FrameTests", dependencies: ["LZ4Frame"], swiftSettings: strict),
    .testTarget(
      name: "RoutingTraceTests", dependencies: ["RoutingTrace", "LZ4Frame", "TestSupport"],
      swiftSettings: strict),
    .testTarget(name: "WaferTests", dependencies: ["Wafer", "TestSupport"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
