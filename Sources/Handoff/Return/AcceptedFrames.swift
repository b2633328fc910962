public import Atomistics
public import DurableFiles
import OrderedCollections
import SystemPackage

/// The geometries of a package for which its calculation returned energy and forces.
public struct AcceptedFrames: Sendable {
    public var job: String
    public var stage: Int
    public var attempt: Int
    /// Digest of the package's manifest.
    public var package: Digest
    /// The frames in their order, with energy, forces, level of theory and charge.
    public var frames: [Atoms]

    /// Reads a package and its result, and checks the result in the same way as when it was returned.
    ///
    /// - Parameters:
    ///   - directory: the package's folder.
    ///   - isPublished: returns false for the SHA-256 of a `MANIFEST.json` that must be refused.
    /// - Returns: nil while there is no result.
    /// - Throws: `PackageRefusal`, `ResultRefusal`, `FileError`.
    public init?(
        package directory: Directory, isPublished: (Digest) throws -> Bool = { _ in true }
    ) throws {
        let manifest = try PackageCheck.verify(directory, roles: [.input], isPublished: isPublished)
        guard let files = try ReturnedFile.read(of: directory) else { return nil }
        (job, stage, attempt) = (manifest.job, manifest.stage, manifest.attempt)
        package = Digest(of: try PackageCheck.content("MANIFEST.json", directory))
        frames = []
        if manifest.isSinglePoints {
            let expected = try SinglePointsExpectation(package: directory)
            frames = try ReturnedPoints(files, expecting: expected).frames.filter { $0.energy != nil }
            return
        }
        let expected = try HandoffExpectation(package: directory)
        let result = try ReturnedResult(files, expecting: expected)
        guard result.final != nil, let bytes = files[.trajectory] else { return }
        frames = try ExtXYZ.frames(in: bytes, label: ReturnedFile.trajectory.rawValue)
        for index in frames.indices {
            frames[index].levelOfTheory = frames[index].levelOfTheory ?? result.levelOfTheory
            frames[index].info["charge"] = .integer(expected.parameters.charge)
        }
    }
}
