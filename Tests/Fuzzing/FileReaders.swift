import Atomistics
import Crypto
import DurableFiles
import Foundation
import Handoff
import ModelFile
import ModelLibrary
import SystemPackage

/// Makes a directory for readers that need files, in memory if possible; it is removed when the process ends.
private func scratch(_ name: String) throws -> URL {
    let memory = URL(fileURLWithPath: "/dev/shm")
    let parent =
        FileManager.default.isWritableFile(atPath: memory.path)
        ? memory : FileManager.default.temporaryDirectory
    let url = parent.appendingPathComponent("aurelax-\(name)-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url
}

/// A reader of manifests, in a package's folder with two small files.
final class ManifestReader: Sendable {
    static let shared = Result { try ManifestReader() }

    private let url: URL
    private let directory: Directory

    init() throws {
        url = try scratch("manifest")
        try Data("1\n\nH 0 0 0\n".utf8).write(to: url.appendingPathComponent("initial.extxyz"))
        try Data("exit 0\n".utf8).write(to: url.appendingPathComponent("run.sh"))
        directory = try Directory(FilePath(url.path))
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// Reads a manifest. Throws a finding if a verified manifest gives a file another size than the file has.
    func read(_ bytes: [UInt8]) throws -> Bool {
        try Data(bytes).write(to: url.appendingPathComponent("MANIFEST.json"))
        guard let manifest = try? PackageCheck.verify(directory) else { return false }
        for file in manifest.files where file.role != .help {
            let content = try Data(contentsOf: url.appendingPathComponent(file.name))
            guard content.count == file.size else { throw FuzzFinding("verified with another size: \(file)") }
        }
        return true
    }
}

/// A reader of models. It gives the bytes a correct digest first, because the author of a model can do so, too.
final class ModelReader: Sendable {
    static let shared = Result { try ModelReader() }

    private let url: URL
    private let atoms = Atoms(
        elements: [.gold, .sulfur, .carbon, .hydrogen, .hydrogen, .hydrogen, .gold],
        positions: [
            [0, 0, 0], [2.3, 0, 0], [2.9, 1.7, 0], [2.5, 2.3, 0.8], [4, 1.7, 0.1], [2.5, 2.2, -0.9],
            [3.1, -2.2, 0],
        ])

    init() throws { url = try scratch("model").appendingPathComponent("m.aurelax-model") }

    deinit { try? FileManager.default.removeItem(at: url.deletingLastPathComponent()) }

    /// Reads a model. Throws a finding if a loaded model predicts another number of forces than there are atoms.
    func read(_ bytes: [UInt8]) throws -> Bool {
        try Data(signed(bytes)).write(to: url)
        guard let model = try? ModelLibrary(searchPath: []).load(url.path),
            let prediction = try? model.predict(atoms)
        else { return false }
        guard prediction.forces.count == atoms.count else {
            throw FuzzFinding("\(prediction.forces.count) forces")
        }
        return true
    }

    /// Returns the bytes with correct length and digest in their header.
    private func signed(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count >= 64 else { return bytes }
        var bytes = bytes
        withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { bytes.replaceSubrange(24..<32, with: $0) }
        let length = bytes[16..<24].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(bytes.count - 64) else { return bytes }
        let digest = SHA256.hash(data: bytes[..<32] + bytes[64..<64 + Int(length)])
        bytes.replaceSubrange(32..<64, with: Array(digest))
        return bytes
    }
}
