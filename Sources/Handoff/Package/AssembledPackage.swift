import DurableFiles
import JobSpec
import SystemPackage

/// The complete files of a package and their manifest.
struct AssembledPackage {
    let manifest: HandoffManifest
    /// The files in the order in which they are written; `MANIFEST.json` is the last.
    let files: [PublishedFile]
    /// Digest of `MANIFEST.json`.
    let digest: Digest

    typealias Input = (name: FilePath.Component, bytes: [UInt8])

    /// - Parameters:
    ///   - further: additional files with the role `input`, other than geometry, parameters, scripts and the engine's
    ///     own script.
    ///   - points: number of single points, which the tasks of a job array may share; nil for a
    ///     relaxation.
    init(
        geometry: Input, _ parameters: some CalculationParameters, scripts: [Input], further: [Input] = [],
        atoms: Int, points: Int? = nil, readme: String, expected: [ReturnedFile], origin: GeometryOrigin
    ) throws {
        let engine: [Input] =
            switch parameters.engine {
            case .gpaw: [("gpaw_relax.py", PackageResources.gpaw_relax_py)]
            case .tblite: [("tblite_relax.py", PackageResources.tblite_relax_py)]
            case .spool: try parameters.definition?.inputs ?? []
            }
        let given = [geometry, ("parameters.json", try json(parameters))] + scripts + engine + further
        var contents: [(name: FilePath.Component, role: HandoffManifest.Role, bytes: [UInt8])] =
            given.map { ($0.name, .input, $0.bytes) }
        contents.append(("run.sh", .launcher, PackageResources.run_sh))

        func describe(
            _ name: FilePath.Component, _ role: HandoffManifest.Role, _ bytes: [UInt8]
        ) -> HandoffManifest.File {
            .init(name: name.string, role: role, size: bytes.count, sha256: Digest(of: bytes))
        }
        let inputs = HandoffManifest.inputDigest(contents.map { describe($0.name, $0.role, $0.bytes) })
        let script = batchScript(parameters, atoms: atoms, points: points, inputs: inputs)
        contents.append(("submit.sbatch", .launcher, Array(script.utf8)))
        contents.append(("README.md", .help, Array(readme.utf8)))

        manifest = HandoffManifest(
            job: parameters.job, stage: parameters.stage, attempt: parameters.attempt,
            engine: parameters.engine.rawValue, inputs: inputs,
            files: contents.map { describe($0.name, $0.role, $0.bytes) },
            expected: expected.map { "result/\($0.rawValue)" }, origin: origin)
        let manifestBytes = try json(manifest)
        digest = Digest(of: manifestBytes)
        files =
            contents.map {
                PublishedFile(name: $0.name, bytes: $0.bytes, isExecutable: $0.role == .launcher)
            } + [PublishedFile(name: "MANIFEST.json", bytes: manifestBytes)]
    }
}
