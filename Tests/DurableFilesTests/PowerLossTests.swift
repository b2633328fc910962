import DurableFiles
import Foundation
import Synchronization
import SystemPackage
import TestTags
import Testing

/// A disk that may lose power: any combination of unsynchronised changes may be lost, and a write
/// may be torn.
///
/// A rename is assumed to be atomic, as on every local file system. Until the target's directory is synchronised, a
/// power loss may undo the rename.
private struct Disk {
    private enum Node { case file(Int), directory }

    private let changes: [FileChange]
    /// Number of the file that each change affects; nil for folders. A file keeps its number when it is renamed.
    private let files: [Int?]

    init(_ changes: [FileChange]) {
        self.changes = changes
        var names: [FilePath: Int] = [:]
        var next = 0
        var files: [Int?] = []
        for change in changes {
            switch change {
            case .create(let path):
                names[path] = next
                files.append(next)
                next += 1
            case .write(let path, _), .truncate(let path, _), .synchronize(let path):
                files.append(names[path])
            case .rename(let old, let new):
                let moved = names.filter { $0.key == old || $0.key.starts(with: old) }
                for (path, file) in moved {
                    names[path] = nil
                    names[Self.moved(path, old, new)] = file
                }
                files.append(moved[old])
            case .remove(let path):
                files.append(names.removeValue(forKey: path))
            case .makeDirectory: files.append(nil)
            }
        }
        self.files = files
    }

    private static func moved(_ path: FilePath, _ old: FilePath, _ new: FilePath) -> FilePath {
        var result = new
        result.append(path.components.dropFirst(old.components.count))
        return result
    }

    /// Returns the indices of the changes, among the first `count`, that a power loss may undo.
    func open(after count: Int) -> [Int] {
        (0..<count).filter { index in
            let later = index + 1..<max(count, index + 1)
            switch changes[index] {
            case .synchronize: return false
            case .write, .truncate:
                return !later.contains { sync in
                    if case .synchronize = changes[sync] {
                        files[sync] != nil && files[sync] == files[index]
                    } else {
                        false
                    }
                }
            case .create(let path), .makeDirectory(let path), .rename(_, let path), .remove(let path):
                let directory = path.removingLastComponent()
                return !later.contains { changes[$0] == .synchronize(directory) }
            }
        }
    }

    /// Returns the sets of lost changes to try: every combination if there are few changes; otherwise all changes,
    /// none, each one alone, all but one, and forty random combinations.
    static func combinations(of open: [Int], random: inout some RandomNumberGenerator) -> [Set<Int>] {
        if open.count <= 6 {
            return (0..<1 << open.count).map { bits in
                Set(open.enumerated().filter { bits & 1 << $0.offset != 0 }.map(\.element))
            }
        }
        let drawn = (0..<40).map { _ in Set(open.filter { _ in Bool.random(using: &random) }) }
        return [[], Set(open)] + open.map { [$0] } + open.map { Set(open).subtracting([$0]) } + drawn
    }

    /// Returns the files after a power loss that undid the changes `lost` and kept only a part of the write `torn`.
    func contents(after count: Int, losing lost: Set<Int>, tearing torn: Int? = nil) -> [FilePath: [UInt8]] {
        var data: [Int: [UInt8]] = [:]
        var position: [Int: Int] = [:]
        var names: [FilePath: Int] = [:]
        for index in 0..<count {
            let file = files[index]
            switch changes[index] {
            case .write(_, let bytes):
                guard let file else { continue }
                let start = position[file, default: 0]
                position[file] = start + bytes.count
                if lost.contains(index) { continue }
                let written = index == torn ? Array(bytes.prefix(bytes.count / 2)) : bytes
                var content = data[file, default: []]
                // If an earlier write to the file is lost, zeros are in its place.
                if content.count < start { content += [UInt8](repeating: 0, count: start - content.count) }
                content.replaceSubrange(start..<min(content.count, start + written.count), with: written)
                data[file] = content
            case .truncate(_, let length):
                guard let file, !lost.contains(index) else { continue }
                data[file] = Array(data[file, default: []].prefix(length))
            case .create(let path):
                if !lost.contains(index) { names[path] = file }
            case .rename(let old, let new):
                guard !lost.contains(index) else { continue }
                for (path, file) in names where path == old || path.starts(with: old) {
                    names[path] = nil
                    names[Self.moved(path, old, new)] = file
                }
                if let file { names[new] = file }
            case .remove(let path):
                if !lost.contains(index) { names[path] = nil }
            case .makeDirectory, .synchronize: continue
            }
        }
        return names.mapValues { data[$0, default: []] }
    }

    /// Calls `body` with the files in every state that a power loss may leave, and with the number of changes before
    /// the loss.
    func forEachState(_ body: (_ count: Int, _ files: [FilePath: [UInt8]]) throws -> Void) rethrows -> Int {
        var random = SystemRandomNumberGenerator()
        var states = 0
        for count in 0...changes.count {
            let open = open(after: count)
            for lost in Self.combinations(of: open, random: &random) {
                let torn: Int? = open.last { index in
                    if case .write = changes[index] { !lost.contains(index) } else { false }
                }
                try body(count, contents(after: count, losing: lost))
                states += 1
                if let torn {
                    try body(count, contents(after: count, losing: lost, tearing: torn))
                    states += 1
                }
            }
        }
        return states
    }
}

/// Fault 2: power is lost after any change, and any combination of unsynchronised changes is lost with it.
@Suite struct PowerLossTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func changes(_ body: () throws -> Void) rethrows -> [FileChange] {
        let log = Log()
        try SyscallHook.record({ log.add($0) }, during: body)
        return log.changes
    }

    private final class Log: Sendable {
        private let list = Mutex<[FileChange]>([])
        func add(_ change: FileChange) { list.withLock { $0.append(change) } }
        var changes: [FileChange] { list.withLock { $0 } }
    }

    @Test("After power loss a replaced file is the old or the new one", .tags(.fault02))
    func fault02ReplacedFile() throws {
        let (old, new) = (pattern(300), pattern(140_000))
        let first = try changes { try scratch.directory.create("a", old) }
        let both = try first + changes { try scratch.directory.replace("a", new) }
        let path = scratch.directory.path.appending("a")
        let states = Disk(both).forEachState { count, files in
            let content = files[path]
            if count == both.count {
                #expect(content == new, "content that was reported as durable is lost")
            } else if count >= first.count {
                #expect(content == old || content == new, "after \(count) changes")
            } else {
                #expect(content == nil || content == old, "after \(count) changes")
            }
        }
        #expect(states > 30)
    }

    @Test("After power loss a claim is complete or absent", .tags(.fault02)) func fault02Claim() throws {
        let inbox = try scratch.directory.makeSubdirectory("inbox")
        let blobs = BlobStore(try scratch.directory.makeSubdirectory("blobs"))
        let bytes = pattern(200_000)
        try scratch.write("inbox/a", bytes)
        let log = try changes {
            _ = try blobs.claim("a", in: inbox, limit: 1 << 20)
            _ = try blobs.insert(pattern(500))
        }
        let folder = scratch.directory.path.appending("blobs")
        let digests = [bytes, pattern(500)].map { Digest(of: $0).hexadecimal }
        let states = Disk(log).forEachState { count, files in
            for (path, content) in files where !(path.lastComponent?.string.hasPrefix(".") ?? true) {
                #expect(
                    Digest(of: content).hexadecimal == path.lastComponent?.string, "after \(count) changes")
            }
            guard count == log.count else { return }
            for digest in digests { #expect(files[folder.appending(digest)] != nil) }
        }
        #expect(states > 50)
    }

    @Test("After power loss a package is complete or absent", .tags(.fault02)) func fault02Package() throws {
        let outbox = try scratch.directory.makeSubdirectory("outbox")
        let staging = try scratch.directory.makeSubdirectory("staging")
        let files = ["run.sh", "initial.extxyz", "MANIFEST.json"].enumerated().map { index, name in
            PublishedFile(name: FilePath.Component(name) ?? "x", bytes: pattern(1000 * (index + 1)))
        }
        let log = try changes { _ = try outbox.publish(files, as: "p", staging: staging) }
        let folder = outbox.path.appending("p")
        let states = Disk(log).forEachState { count, left in
            let seen = left.filter { $0.key.starts(with: folder) }
            guard !seen.isEmpty else {
                #expect(count < log.count, "a package that was reported as published is lost")
                return
            }
            for file in files {
                #expect(
                    seen[folder.appending(file.name)] == file.bytes, "after \(count) changes: \(file.name)")
            }
        }
        #expect(states > 60)
    }
}
