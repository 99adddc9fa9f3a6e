// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// `make fuzz`: libFuzzer needs every module built with its instrumentation.
let fuzzing = Context.environment["MOECAST_FUZZ"] != nil

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

let package = Package(
  name: "moecast",
  products: [
    .executable(name: "moecast", targets: ["moecast"]),
    .library(name: "Moecast", targets: ["Moecast"]),
    .library(name: "MoecastService", targets: ["Service", "ServiceProtocol"]),
    // `make library` gives it its name, libmoecast.so, which the program has among products.
    .library(name: "moecast-c", type: .dynamic, targets: ["CInterface"]),
  ],
  // Pinned here and not by a Package.resolved, which holds commit ids: those of a mirror are its own, and
  // the file would stop everybody else's build. Neither package has dependencies.
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
  ],
  targets: [
    .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
    .target(name: "LZ4Frame", dependencies: ["CLZ4"], swiftSettings: strict),
    .target(name: "PathText", dependencies: [system], swiftSettings: strict),
    // Words that were mistyped, numbers with units; imports nothing.
    .target(name: "Spelling", swiftSettings: strict),
    .target(
      name: "RoutingTrace", dependencies: ["LZ4Frame", "PathText", system], swiftSettings: strict),
    // Events, the one book of requests, and counts: what forecasts, observations and demand rest on.
    .target(name: "Counting", dependencies: ["RoutingTrace"], swiftSettings: strict),
    .target(
      name: "Forecast", dependencies: ["Counting", "CVectorShims", "RoutingTrace"],
      swiftSettings: strict),
    // Values behind a lock that the thread sanitizer knows.
    .target(name: "Locking", swiftSettings: strict),
    // What this process may still take of memory; imports nothing, so that every room may ask.
    .target(name: "MemoryBudget", swiftSettings: strict),
    .target(
      name: "Prequential",
      dependencies: ["Counting", "Forecast", "MemoryBudget", "RoutingTrace", "ShardSums"],
      swiftSettings: strict),
    // Requests under way beside an engine: forecasts for many at once, learning in the background.
    .target(
      name: "Live",
      dependencies: [
        "Counting", "Forecast", "LZ4Frame", "Locking", "PathText", "Prequential", "RoutingTrace",
        system,
      ],
      swiftSettings: strict),
    .target(
      name: "Insight", dependencies: ["Counting", "MemoryBudget", "RoutingTrace", "ShardSums"],
      swiftSettings: strict),
    // The integers that figures of a shard follow from, as files: what adds up is added later.
    .target(
      name: "ShardSums",
      dependencies: ["Archive", "DurableFile", "PathText", "RoutingTrace", system],
      swiftSettings: strict),
    .target(name: "Chart", dependencies: ["CZlib"], swiftSettings: strict),
    // Findings and figures as values, and the page, the JSON and the tables that are made of them.
    .target(
      name: "ReportPage",
      dependencies: [
        "Chart", "Demand", "Forecast", "Insight", "Prequential", "RoutingTrace", "Staging", "Wafer",
      ],
      resources: [.embedInCode("Page/style.css"), .embedInCode("Page/script.js")],
      swiftSettings: strict),
    // Zip archives and NumPy's arrays, both ways; gzip and xz data.
    .target(name: "Archive", dependencies: ["CLZMA", "CZlib"], swiftSettings: strict),
    .systemLibrary(name: "CLZMA", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(
      name: "CSimdJSON", cxxSettings: [.define("NDEBUG")],
      linkerSettings: [.linkedLibrary("simdjson")]),
    .target(
      name: "TraceImport",
      dependencies: [
        "Archive", "CSimdJSON", "CVectorShims", "LoadProfile", "PathText", "RoutingTrace", system,
      ],
      swiftSettings: strict),
    // The headers of libhdf5 alone: the library is opened where a model is first read or written.
    .target(name: "CHDF5"),
    .target(name: "HDF5", dependencies: ["CHDF5", "CZlib", "Locking"], swiftSettings: strict),
    .target(name: "DurableFile", dependencies: ["PathText", system], swiftSettings: strict),
    // How often experts were chosen, where nothing else of routing was recorded.
    .target(
      name: "LoadProfile", dependencies: ["DurableFile", "HDF5", "PathText", system],
      swiftSettings: strict),
    // What batches ask of experts, and forecasts of it.
    .target(
      name: "Demand",
      dependencies: ["Counting", "Forecast", "MemoryBudget", "Prequential", "RoutingTrace"],
      swiftSettings: strict),
    // Systems of dies: where experts lie, who computes what, how long that takes.
    .target(
      name: "Wafer", dependencies: ["Demand", "PathText", "RoutingTrace", "Spelling", system],
      resources: [
        "dojo", "sow", "dojo-enhanced", "pcie-1", "nvlink-8", "nvl72", "cxl-1", "wafer-8x8",
      ].map {
        .embedInCode("Hardware/\($0).json")
      },
      swiftSettings: strict),
    // Experts' weights moved ahead of need, by forecasts of demand.
    .target(
      name: "Staging", dependencies: ["Demand", "RoutingTrace", "Wafer"], swiftSettings: strict),
    // Where experts lie, and what it is worth on later tokens.
    .target(
      name: "Placement",
      dependencies: [
        "Archive", "Demand", "LoadProfile", "PathText", "RoutingTrace", "Wafer", system,
      ],
      swiftSettings: strict),
    // Requests that arrive, servers that come and go, replicas that follow forecasts of the load.
    .target(
      name: "Serving", dependencies: ["Demand", "Placement", "RoutingTrace", "Staging", "Wafer"],
      swiftSettings: strict),
    .target(
      name: "ModelFile",
      dependencies: [
        "Counting", "Forecast", "Prequential", "RoutingTrace", "HDF5", "DurableFile",
        "MemoryBudget",
        "PathText", system,
      ],
      swiftSettings: strict + (fuzzing ? [.define("FUZZING")] : [])),
    // What `train` does, but for its words: the loop, checkpoints, resuming.
    .target(
      name: "Training",
      dependencies: ["Forecast", "MemoryBudget", "ModelFile", "Prequential", "RoutingTrace"],
      swiftSettings: strict),
    // Models and traces in other programs' formats: a file an exporter.
    .target(
      name: "Export",
      dependencies: [
        "Archive", "Counting", "Demand", "Forecast", "HDF5", "MemoryBudget", "Placement",
        "Prequential", "RoutingTrace", "Wafer",
      ],
      swiftSettings: strict),
    // A model that many clients ask at once: its limits, figures and socket; HTTP is HTTPService's.
    .target(
      name: "Service",
      dependencies: [
        "CVectorShims", "DurableFile", "Forecast", "LZ4Frame", "Live", "Locking", "ModelFile",
        "PathText", "Prequential", "RoutingTrace", "ServiceProtocol", "TraceImport", system,
      ],
      swiftSettings: strict),
    // What a service and its clients say to each other over a socket; imports nothing.
    .target(name: "ServiceProtocol", swiftSettings: strict),
    .target(name: "CVectorShims"),
    .executableTarget(
      name: "moecast",
      dependencies: [
        "CVectorShims",
        "Chart",
        "Counting",
        "Demand",
        "DurableFile",
        "Export",
        "Forecast",
        "Insight",
        "LZ4Frame",
        "Live",
        "LoadProfile",
        "MemoryBudget",
        "ModelFile",
        "PathText",
        "Placement",
        "Prequential",
        "ReportPage",
        "RoutingTrace",
        "Serving",
        "ShardSums",
        "Spelling",
        "Staging",
        "TraceImport",
        "Training",
        "Wafer",
        system,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    // One module to import for users of the library.
    .target(
      name: "Moecast",
      dependencies: [
        "Counting", "Demand", "Export", "Forecast", "Insight", "LZ4Frame", "Live", "LoadProfile",
        "ModelFile", "Placement", "Prequential", "RoutingTrace", "Serving", "ShardSums", "Staging",
        "TraceImport", "Training", "Wafer",
      ],
      swiftSettings: strict),
    // libmoecast.so: the functions of moecast.h.
    .target(name: "CLibrary", exclude: ["exports.map", "moecast.pc.in"]),
    .target(
      name: "CInterface",
      dependencies: [
        "CLibrary", "CVectorShims", "DurableFile", "Forecast", "Live", "LZ4Frame", "MemoryBudget",
        "ModelFile",
        "PathText", "Prequential", "RoutingTrace", "Training", system,
      ],
      swiftSettings: strict),
    // What `make bench` runs: never installed. The ceilings are built for the very processor.
    .target(
      name: "CReferenceKernels",
      dependencies: ["CLibrary"],
      cSettings: [.unsafeFlags(["-O3", "-march=native"])],
      cxxSettings: [.define("NDEBUG"), .unsafeFlags(["-O3", "-march=native"])],
      linkerSettings: [.linkedLibrary("lz4"), .linkedLibrary("simdjson")]),
    .executableTarget(
      name: "moecast-bench",
      dependencies: [
        "Archive", "CInterface", "CLibrary", "CReferenceKernels", "CVectorShims", "CZlib",
        "Counting", "Demand",
        "Forecast", "Insight",
        "LZ4Frame", "ModelFile", "Placement", "Prequential", "RoutingTrace", "TraceImport",
        "Wafer",
        system,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/Benchmarks",
      swiftSettings: strict),
    .testTarget(
      name: "CountingTests", dependencies: ["Counting", "RoutingTrace", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "ForecastTests", dependencies: ["Counting", "Forecast", "RoutingTrace", "TestSupport"],
      swiftSettings: strict),
    .testTarget(name: "ChartTests", dependencies: ["Chart", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "LockingTests", dependencies: ["Locking"], swiftSettings: strict),
    .testTarget(
      name: "MemoryBudgetTests", dependencies: ["MemoryBudget"], swiftSettings: strict),
    .testTarget(
      name: "InsightTests", dependencies: ["Insight", "RoutingTrace", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "ShardSumsTests",
      dependencies: [
        "Archive", "Forecast", "Insight", "Prequential", "RoutingTrace", "ShardSums", "TestSupport",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "PrequentialTests",
      dependencies: ["LZ4Frame", "Prequential", "TraceImport", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "LiveTests",
      dependencies: [
        "DurableFile", "Forecast", "Live", "ModelFile", "Prequential", "RoutingTrace",
        "TestSupport", "Training",
      ],
      swiftSettings: strict),
    .target(
      name: "TestSupport",
      dependencies: ["CZlib", "RoutingTrace", "LZ4Frame", "DurableFile", system],
      path: "Tests/TestSupport", swiftSettings: strict),
    .testTarget(
      name: "LZ4FrameTests", dependencies: ["CLZ4", "LZ4Frame", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "RoutingTraceTests",
      dependencies: ["RoutingTrace", "LZ4Frame", "TestSupport", system],
      swiftSettings: strict),
    .testTarget(
      name: "TraceImportTests",
      dependencies: [
        "Archive", "LoadProfile", "TraceImport", "RoutingTrace", "TestSupport", system,
      ],
      exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "ArchiveTests", dependencies: ["Archive", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "LibraryTests", dependencies: ["Moecast", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "TrainingTests",
      dependencies: [
        "Forecast", "ModelFile", "Prequential", "RoutingTrace", "TestSupport", "Training",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "ServiceTests",
      dependencies: [
        "Live", "ModelFile", "Prequential", "RoutingTrace", "Service", "ServiceProtocol",
        "TestSupport",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "ServiceProtocolTests", dependencies: ["ServiceProtocol"], swiftSettings: strict),
    .testTarget(
      name: "ExportTests",
      dependencies: [
        "Counting", "Demand", "Export", "Forecast", "Placement", "Prequential", "RoutingTrace",
        "TestSupport", "TraceImport", "Wafer",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "HDF5Tests", dependencies: ["HDF5", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "LoadProfileTests", dependencies: ["HDF5", "LoadProfile", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "PathTextTests", dependencies: ["PathText", "TestSupport", system],
      swiftSettings: strict),
    .testTarget(name: "SpellingTests", dependencies: ["Spelling"], swiftSettings: strict),
    .testTarget(
      name: "DurableFileTests", dependencies: ["DurableFile", "TestSupport", system],
      swiftSettings: strict),
    .testTarget(
      name: "ModelFileTests",
      dependencies: ["ModelFile", "Prequential", "DurableFile", "HDF5", "TestSupport", system],
      swiftSettings: strict),
    .testTarget(
      name: "MoecastTests",
      dependencies: [
        "moecast", "Demand", "DurableFile", "Forecast", "Insight", "LZ4Frame", "LoadProfile",
        "Wafer",
        "ModelFile",
        "Placement", "Prequential", "RoutingTrace", "Serving", "ShardSums", "Spelling", "Staging",
        "TestSupport", system,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "FaultTests",
      dependencies: [
        "moecast", "HDF5", "LZ4Frame", "ModelFile", "Prequential", "RoutingTrace", "TestSupport",
      ],
      exclude: ["Shim"], swiftSettings: strict),
    // The program's own output, held against numpy and against its own tables.
    .testTarget(
      name: "ProgramTests", dependencies: ["moecast", "Placement", "RoutingTrace", "TestSupport"],
      exclude: ["Reference"],
      swiftSettings: strict),
    .testTarget(
      name: "DemandTests",
      dependencies: [
        "Demand", "Forecast", "MemoryBudget", "Prequential", "RoutingTrace", "TestSupport",
        "WaferSamples",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "WaferTests",
      dependencies: ["Demand", "RoutingTrace", "TestSupport", "Wafer", "WaferSamples"],
      swiftSettings: strict),
    .testTarget(
      name: "StagingTests",
      dependencies: ["Demand", "RoutingTrace", "Staging", "TestSupport", "Wafer", "WaferSamples"],
      swiftSettings: strict),
    .testTarget(
      name: "PlacementTests",
      dependencies: [
        "Archive", "Demand", "LoadProfile", "Placement", "RoutingTrace", "TestSupport",
        "Wafer", "WaferSamples",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "ServingTests",
      dependencies: [
        "Demand", "Placement", "RoutingTrace", "Serving", "Staging", "TestSupport", "Wafer",
        "WaferSamples",
      ],
      swiftSettings: strict),
    // Requests that the tests of demand, wafers and staging share.
    .target(
      name: "WaferSamples", dependencies: ["Demand", "RoutingTrace", "TestSupport", "Wafer"],
      path: "Tests/WaferSamples", swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)

if fuzzing {
  package.targets.append(
    .executableTarget(
      name: "Fuzz",
      dependencies: [
        "Archive", "LZ4Frame", "ModelFile", "Prequential", "RoutingTrace", "ServiceProtocol",
        "TestSupport",
        "TraceImport",
      ],
      path: "Tests/Fuzz", swiftSettings: strict))
}
