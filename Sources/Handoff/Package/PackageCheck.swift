public import DurableFiles
import FoundationEssentials
import SystemPackage

/// The reason why a directory is not a runnable package.
public enum PackageRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is no manifest (yet).
    case incomplete
    case missing(String)
    /// This file's content differs from the digest in the manifest.
    case damaged(String)
    case unreadableManifest(String)
    case otherFormat(Int)
    /// The daemon has not published this package.
    case notPublished
    /// `result` is not a directory but the given kind of entry.
    case unusableResult(String)

    public var description: String {
        switch self {
        case .incomplete: "MANIFEST.json is missing: this is not a package, or not a complete copy"
        case .missing(let name): "\(name) is missing"
        case .damaged(let name): "\(name) differs from the file that was handed off"
        case .unreadableManifest(let reason): "MANIFEST.json cannot be read: \(reason)"
        case .otherFormat(let format):
            "the package has format \(format); this program reads format \(HandoffManifest.currentFormat)"
        case .notPublished: "this daemon has not handed off a package with this MANIFEST.json"
        case .unusableResult(let what): "its result is \(what), not a directory: move it away"
        }
    }
}

/// Reads and checks packages on disk.
public enum PackageCheck {
    /// Largest size of a file in a package, bytes.
    static let limit = 256 << 20

    /// Checks the files of a package that have the given roles against its manifest, and returns the manifest.
    ///
    /// - Parameter isPublished: returns false for the SHA-256 of a `MANIFEST.json` that must be refused.
    /// - Throws: ``PackageRefusal``, ``FileError``.
    public static func verify(
        _ directory: Directory, roles: Set<HandoffManifest.Role> = [.input, .launcher],
        isPublished: (Digest) throws -> Bool = { _ in true }
    ) throws -> HandoffManifest {
        guard let bytes = try directory.read("MANIFEST.json", limit: 1 << 20) else {
            throw PackageRefusal.incomplete
        }
        guard try isPublished(Digest(of: bytes)) else { throw PackageRefusal.notPublished }
        let manifest: HandoffManifest
        do {
            manifest = try JSONDecoder().decode(HandoffManifest.self, from: Data(bytes))
        } catch {
            throw PackageRefusal.unreadableManifest("\(error)")
        }
        guard manifest.format == HandoffManifest.currentFormat else {
            throw PackageRefusal.otherFormat(manifest.format)
        }
        for file in manifest.files where roles.contains(file.role) {
            let bytes = try content(file.name, directory)
            guard bytes.count == file.size, Digest(of: bytes) == file.sha256 else {
                throw PackageRefusal.damaged(file.name)
            }
        }
        guard HandoffManifest.inputDigest(manifest.files) == manifest.inputs else {
            throw PackageRefusal.damaged("MANIFEST.json")
        }
        return manifest
    }

    static func content(_ name: String, _ directory: Directory) throws -> [UInt8] {
        // A path component ends at a NUL, but a name in a manifest may contain one.
        guard let component = FilePath.Component(name), component.kind == .regular, component.string == name,
            let bytes = try directory.read(component, limit: limit)
        else { throw PackageRefusal.missing(name) }
        return bytes
    }
}
