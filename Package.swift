// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours is built alike: Swift 6 language mode (the tools version's default, so
/// strict concurrency), warnings as errors, and no import that reaches a target through another one.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
    name: "aurelax",
    // What others may build on; each has its pages in Documentation.docc (`make docs`).
    products: [
        "Atomistics", "Descriptors", "Dynamics", "LinearAlgebra", "MinimalLearning", "ModelLibrary",
        "Relaxation", "SOAPPotential", "Structures", "ThiolateGold",
    ].map { .library(name: $0, targets: [$0]) },
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        // System libraries: a module map and a shim each, imported by exactly one target.
        .systemLibrary(name: "CLAPACK", providers: [.apt(["liblapack-dev", "libblas-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CLinux"),

        // Mathematics.
        .target(name: "LinearAlgebra", dependencies: ["CLAPACK", "CLinux"], swiftSettings: strict),
        .target(name: "MinimalLearning", dependencies: ["LinearAlgebra"], swiftSettings: strict),

        // Structures and what is computed from them.
        .target(
            name: "Atomistics",
            dependencies: [.product(name: "OrderedCollections", package: "swift-collections")],
            swiftSettings: strict),
        // Starting structures that have a recipe instead of a file.
        .target(name: "Structures", dependencies: ["Atomistics"], swiftSettings: strict),
        .target(
            name: "Descriptors", dependencies: ["Atomistics", "LinearAlgebra"],
            swiftSettings: strict),
        .target(
            name: "Relaxation",
            dependencies: [
                "Atomistics", "LinearAlgebra",
                .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            swiftSettings: strict),

        .target(
            name: "Dynamics",
            dependencies: [
                "Atomistics", "LinearAlgebra", "Relaxation",
                .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            swiftSettings: strict),

        // Force fields.
        .target(
            name: "ModelFile",
            dependencies: [
                "DurableFiles", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict),
        .target(
            name: "ThiolateGold",
            dependencies: [
                "Atomistics", "Descriptors", "LinearAlgebra", "MinimalLearning", "ModelFile",
            ],
            swiftSettings: strict),
        .target(
            name: "SOAPPotential",
            dependencies: ["Atomistics", "Descriptors", "LinearAlgebra", "ModelFile"],
            swiftSettings: strict),

        // Structures in other programs' formats, read and written by ASE.
        .target(
            name: "ForeignStructures",
            dependencies: [
                "Atomistics", .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            resources: [.embedInCode("Templates")],
            swiftSettings: strict),

        // The i-PI protocol, both ends; processes that speak it.
        .target(
            name: "SocketEngine",
            dependencies: [.product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: strict),

        // Force fields that other programs are, as the spool's configuration describes them.
        .target(
            name: "Engines",
            dependencies: [
                "Atomistics", "SocketEngine", "YAMLDocument",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            resources: [.embedInCode("Templates")],
            swiftSettings: strict),

        // Relaxation by an engine whose every gradient is learnt from.
        .target(
            name: "LearningRelaxation",
            dependencies: ["Atomistics", "Descriptors", "LinearAlgebra", "Relaxation", "SOAPPotential"],
            swiftSettings: strict),

        // Text that people write.
        .target(name: "YAMLDocument", dependencies: ["CYAML"], swiftSettings: strict),
        .target(
            name: "JobSpec",
            dependencies: [
                "Atomistics", "Relaxation", "YAMLDocument",
                .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            swiftSettings: strict),
        // Labelled structures on disk that only grow, with their origins.
        .target(
            name: "DataSet",
            dependencies: [
                "Atomistics", "DurableFiles",
                .product(name: "OrderedCollections", package: "swift-collections"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict),
        // From a recipe or a name to a force field.
        .target(
            name: "ModelLibrary",
            dependencies: [
                "Atomistics", "DataSet", "Descriptors", "DurableFiles", "LinearAlgebra", "MinimalLearning",
                "ModelFile", "SOAPPotential", "ThiolateGold", "YAMLDocument",
                .product(name: "OrderedCollections", package: "swift-collections"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            resources: [.embedInCode("Templates")],
            swiftSettings: strict),

        // Jobs and their journey.
        .target(
            name: "DurableFiles",
            dependencies: [
                "CLinux",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict),
        .target(
            name: "Handoff",
            dependencies: [
                "Atomistics", "DurableFiles", "Engines", "JobSpec", "LinearAlgebra", "Relaxation",
                .product(name: "OrderedCollections", package: "swift-collections"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            resources: [.embedInCode("Templates")],
            swiftSettings: strict),
        // The batch system: what to say to it, what it says, what follows.
        .target(
            name: "Slurm",
            dependencies: [
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict),
        // What people look at: curves, drawings, a page about a job.
        .target(
            name: "Reports",
            dependencies: [
                "Atomistics", "LinearAlgebra",
                .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            swiftSettings: strict),
        .target(
            name: "Workflow",
            dependencies: [
                "Atomistics", "DurableFiles", "Engines", "ForeignStructures", "Handoff", "JobSpec",
                "ModelLibrary", "Relaxation", "Reports", "Slurm", "ThiolateGold", "YAMLDocument",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "OrderedCollections", package: "swift-collections"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict),
        // Pages for a browser.
        .target(
            name: "Dashboard",
            dependencies: [
                "DurableFiles", "ModelLibrary", "Reports", "Workflow",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            resources: [.embedInCode("Templates")],
            swiftSettings: strict),
        .systemLibrary(name: "CInotifyTools", providers: [.apt(["libinotifytools0-dev"])]),
        // The command line: commands and wiring only.
        .executableTarget(
            name: "aurelax",
            dependencies: [
                "Atomistics", "Dashboard", "DataSet", "Descriptors", "DurableFiles", "Dynamics", "Engines",
                "ForeignStructures", "Handoff", "JobSpec", "LearningRelaxation", "LinearAlgebra", "ModelFile",
                "ModelLibrary", "Relaxation", "Reports", "SocketEngine", "Structures", "ThiolateGold",
                "Workflow", "YAMLDocument",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "OrderedCollections", package: "swift-collections"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "aurelax-watch", dependencies: ["CInotifyTools"], swiftSettings: strict),
        // Measures the library and its peers; `make bench`.
        .executableTarget(
            name: "aurelax-bench",
            dependencies: [
                "Atomistics", "Descriptors", "LearningRelaxation", "LinearAlgebra", "ModelFile",
                "ModelLibrary", "Relaxation", "SOAPPotential", "ThiolateGold",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Benchmarks", exclude: ["peers"], swiftSettings: strict),

        // Tags of the tests.
        .target(name: "TestTags", path: "Tests/TestTags", swiftSettings: strict),
        // Readers behind one door, for mutated bytes: the tests and libFuzzer go through it.
        .target(
            name: "Fuzzing",
            dependencies: [
                "Atomistics", "DurableFiles", "Handoff", "JobSpec", "LinearAlgebra", "ModelFile",
                "ModelLibrary", "YAMLDocument",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Tests/Fuzzing", exclude: ["Corpus"], swiftSettings: strict),
        .testTarget(name: "FuzzingTests", dependencies: ["Fuzzing", "TestTags"], swiftSettings: strict),
        .testTarget(
            name: "LinearAlgebraTests", dependencies: ["LinearAlgebra"], swiftSettings: strict),
        .testTarget(
            name: "MinimalLearningTests", dependencies: ["LinearAlgebra", "MinimalLearning"],
            swiftSettings: strict),
        .testTarget(
            name: "AtomisticsTests",
            dependencies: [
                "Atomistics", "LinearAlgebra", "Structures", "TestTags",
                .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            exclude: ["Golden"], swiftSettings: strict),
        .testTarget(
            name: "StructuresTests", dependencies: ["Atomistics", "Structures"], swiftSettings: strict),
        .testTarget(
            name: "ForeignStructuresTests", dependencies: ["Atomistics", "ForeignStructures"],
            swiftSettings: strict),
        .testTarget(
            name: "DescriptorsTests", dependencies: ["Atomistics", "Descriptors", "LinearAlgebra"],
            exclude: ["Golden"], swiftSettings: strict),
        .testTarget(
            name: "RelaxationTests", dependencies: ["Atomistics", "LinearAlgebra", "Relaxation", "TestTags"],
            exclude: ["Golden"], swiftSettings: strict),
        .testTarget(
            name: "DynamicsTests", dependencies: ["Atomistics", "Dynamics"], swiftSettings: strict),
        .testTarget(
            name: "DataSetTests",
            dependencies: [
                "Atomistics", "DataSet", "DurableFiles",
                .product(name: "OrderedCollections", package: "swift-collections"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ReportsTests",
            dependencies: [
                "Atomistics", "Reports",
                .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ModelFileTests", dependencies: ["DurableFiles", "Fuzzing", "ModelFile", "TestTags"],
            swiftSettings: strict),
        .testTarget(
            name: "ThiolateGoldTests",
            dependencies: [
                "Atomistics", "Descriptors", "LinearAlgebra", "MinimalLearning", "ModelFile",
                "Structures", "ThiolateGold",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "SOAPPotentialTests",
            dependencies: [
                "Atomistics", "Descriptors", "LinearAlgebra", "ModelFile", "SOAPPotential",
            ],
            exclude: ["Golden"], swiftSettings: strict),
        .testTarget(
            name: "LearningRelaxationTests",
            dependencies: ["Atomistics", "LearningRelaxation", "LinearAlgebra", "SOAPPotential"],
            swiftSettings: strict),
        .testTarget(
            name: "YAMLDocumentTests", dependencies: ["LinearAlgebra", "TestTags", "YAMLDocument"],
            swiftSettings: strict),
        .testTarget(
            name: "JobSpecTests",
            dependencies: ["Atomistics", "JobSpec", "Relaxation", "TestTags", "YAMLDocument"],
            swiftSettings: strict),
        .testTarget(
            name: "ModelLibraryTests",
            dependencies: [
                "Atomistics", "Descriptors", "MinimalLearning", "ModelFile", "ModelLibrary",
                "Relaxation", "SOAPPotential", "ThiolateGold",
                .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "DurableFilesTests",
            dependencies: [
                "DurableFiles", "TestTags", .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "HandoffTests",
            dependencies: [
                "Atomistics", "DurableFiles", "Fuzzing", "Handoff", "JobSpec", "Structures", "TestTags",
                .product(name: "OrderedCollections", package: "swift-collections"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "SocketEngineTests",
            dependencies: ["SocketEngine", .product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: strict),
        .testTarget(
            name: "EnginesTests", dependencies: ["Atomistics", "Engines"], swiftSettings: strict),
        .testTarget(name: "SlurmTests", dependencies: ["Slurm", "TestTags"], swiftSettings: strict),
        .testTarget(
            name: "WorkflowTests",
            dependencies: [
                "Atomistics", "DurableFiles", "Handoff", "JobSpec", "ModelLibrary", "Relaxation", "Reports",
                "Slurm", "Structures", "TestTags", "Workflow", "YAMLDocument",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "OrderedCollections", package: "swift-collections"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            exclude: ["Golden"], swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "Atomistics", "TestTags", .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict),
    ]
)

// `make fuzz` alone asks for it: libFuzzer brings the `main`.
if Context.environment["AURELAX_FUZZING"] != nil {
    package.targets.append(
        .executableTarget(
            name: "aurelax-fuzz", dependencies: ["Fuzzing"], path: "Tests/FuzzingProgram",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
}
