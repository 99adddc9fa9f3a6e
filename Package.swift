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
    .library(
      name: "Moecast",
      targets: ["RoutingTrace", "Forecast", "Prequential", "Wafer"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
    .target(name: "LZ4Frame", dependencies: ["CLZ4"], swiftSettings: strict),
    .target(name: "RoutingTrace", dependencies: ["LZ4Frame", system], swiftSettings: strict),
    .target(name: "Forecast", dependencies: ["RoutingTrace"], swiftSettings: strict),
    .target(name: "Prequential", dependencies: ["Forecast"], swiftSettings: strict),
    .target(
      name: "Wafer", dependencies: ["Forecast"],
      resources: ["dojo", "sow", "dojo-enhanced", "pcie-1", "nvlink-8"].map {
        .embedInCode("Hardware/\($0).json")
      },
      swiftSettings: strict),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(
      name: "CSimdJSON", cxxSettings: [.define("NDEBUG")],
      linkerSettings: [.linkedLibrary("simdjson")]),
    .target(
      name: "TraceImport", dependencies: ["RoutingTrace", "CSimdJSON", "CZlib", system],
      swiftSettings: strict),
    .executableTarget(
      name: "moecast",
      dependencies: [
        "Prequential",
        "TraceImport",
        "Wafer",
        system,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "ForecastTests", dependencies: ["Forecast", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "PrequentialTests", dependencies: ["Prequential", "TestSupport"],
      swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: ["RoutingTrace"], path: "Tests/TestSupport",
      swiftSettings: strict),
    .testTarget(name: "LZ4FrameTests", dependencies: ["LZ4Frame"], swiftSettings: strict),
    .testTarget(
      name: "RoutingTraceTests", dependencies: ["RoutingTrace", "LZ4Frame", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "TraceImportTests", dependencies: ["TraceImport", "RoutingTrace", "TestSupport"],
      swiftSettings: strict),
    .testTarget(name: "WaferTests", dependencies: ["Wafer", "TestSupport"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
