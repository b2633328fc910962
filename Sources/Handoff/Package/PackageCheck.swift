public import DurableFiles
import FoundationEssentials
import SystemPackage

/// Why a directory is not a package that can be run.
public enum PackageRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is no manifest (yet).
    case incomplete
    case missing(String)
    /// Another content than the manifest says.
    case damaged(String)
    case unreadableManifest(String)
    case otherFormat(Int)
    /// The daemon knows nothing of it.
    case notPublished
    /// Something else than a directory has the name `result`: what.
    case unusableResult(String)

    public var description: String {
        switch self {
        case .incomplete: "no MANIFEST.json: not a package, or not completely copied"
        case .missing(let name): "\(name) is missing"
        case .damaged(let name): "\(name) is not the file that was handed off"
        case .unreadableManifest(let reason): "MANIFEST.json cannot be read: \(reason)"
        case .otherFormat(let format):
            "package format \(format); this program knows format \(HandoffManifest.currentFormat)"
        case .notPublished: "not a package that this daemon has handed off"
        case .unusableResult(let what): "its result is \(what), not a directory: move it away"
        }
    }
}

/// Packages on disk.
public enum PackageCheck {
    /// Most bytes that a file of a package may have.
    static let limit = 256 << 20

    /// The manifest of a package whose files of these roles are what it says.
    ///
    /// - Parameter isPublished: false refuses a manifest with this SHA-256.
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
        // A component ends at a NUL, a name in a manifest need not.
        guard let component = FilePath.Component(name), component.kind == .regular, component.string == name,
            let bytes = try directory.read(component, limit: limit)
        else { throw PackageRefusal.missing(name) }
        return bytes
    }
}
