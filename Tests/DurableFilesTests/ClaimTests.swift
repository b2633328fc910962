import DurableFiles
import Foundation
import Glibc
import Synchronization
import SystemPackage
import TestTags
import Testing

@Suite struct ClaimTests {
    private let scratch: Scratch
    private let inbox: Directory
    private let blobs: BlobStore

    init() throws {
        scratch = try Scratch()
        inbox = try scratch.directory.makeSubdirectory("inbox")
        blobs = BlobStore(try scratch.directory.makeSubdirectory("blobs"))
    }

    private func refusal(_ name: FilePath.Component, limit: Int = 1 << 20) -> ClaimRefusal? {
        do {
            _ = try blobs.claim(name, in: inbox, limit: limit)
            return nil
        } catch { return error as? ClaimRefusal }
    }

    @Test("A snapshot does not change with its original", .tags(.fault17)) func fault17Snapshot() throws {
        let bytes = pattern(200_000)
        try scratch.write("inbox/a", bytes)
        let claim = try blobs.claim("a", in: inbox, limit: 200_000)
        #expect((claim.digest, claim.size) == (Digest(of: bytes), 200_000))
        #expect(try inbox.status(of: "a") == claim.source, "the original was changed")
        try scratch.write("inbox/a", [1])
        #expect(try blobs.read(claim.digest) == bytes)
        #expect(try blobs.insert(bytes) == claim.digest)
        #expect(scratch.files("blobs") == [claim.digest.hexadecimal])
        #expect(try blobs.read(Digest(of: [])) == nil)
    }

    @Test("A damaged blob is not returned", .tags(.fault07)) func fault07DamagedBlob() throws {
        let digest = try blobs.insert(pattern(100))
        let path = "\(scratch.path)/blobs/\(digest)"
        try #require(chmod(path, 0o600) == 0)
        var bytes = pattern(100)
        bytes[50] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        #expect(throws: BlobDamaged.self) { try blobs.read(digest) }
    }

    @Test("Entries other than plain files are refused without waiting", .tags(.fault20))
    func fault20NotAPlainFile() throws {
        try scratch.write("file", [1])
        try #require(symlink("../file", scratch.path + "/inbox/link") == 0)
        try #require(symlink("nowhere", scratch.path + "/inbox/dangling") == 0)
        try #require(mkfifo(scratch.path + "/inbox/pipe", 0o644) == 0)
        try #require(mkdir(scratch.path + "/inbox/folder", 0o755) == 0)
        try #require(link(scratch.path + "/file", scratch.path + "/inbox/hard") == 0)
        try scratch.write("inbox/large", pattern(1001))
        #expect(refusal("link") == .symbolicLink)
        #expect(refusal("dangling") == .symbolicLink)
        #expect(refusal("pipe") == .notAFile)
        #expect(refusal("folder") == .directory)
        #expect(refusal("hard") == .hardLinked(2))
        #expect(refusal("large", limit: 1000) == .tooLarge(1001, limit: 1000))
        #expect(refusal("none") == .vanished)
        #expect(scratch.files("blobs").isEmpty)
        for refusal in [
            ClaimRefusal.symbolicLink, .notAFile, .directory, .hardLinked(2), .tooLarge(2, limit: 1),
        ] {
            #expect(refusal.isFinal)
        }
        #expect(!ClaimRefusal.changing.isFinal && !ClaimRefusal.vanished.isFinal)
    }

    /// A sparse file of 10 GB is refused because of its size, without reading it.
    @Test("A huge sparse file is refused without reading it", .tags(.fault22))
    func fault22SparseFile() throws {
        try scratch.write("inbox/sparse", [])
        try #require(truncate(scratch.path + "/inbox/sparse", 10 << 30) == 0)
        let start = ContinuousClock.now
        #expect(refusal("sparse") == .tooLarge(10 << 30, limit: 1 << 20))
        #expect(start.duration(to: .now) < .seconds(1))
    }

    /// The writer continues while the file is copied.
    @Test("A file that changes during the claim is not claimed", .tags(.fault17))
    func fault17ChangingFile() throws {
        try scratch.write("inbox/a", pattern(200_000))
        let path = scratch.path + "/inbox/a"
        let isFirst = Atomic<Bool>(true)
        let refused = SyscallHook.interrupt({ call, _ in
            if call == .read, isFirst.exchange(false, ordering: .relaxed),
                let handle = FileHandle(forWritingAtPath: path)
            {
                handle.seekToEndOfFile()
                handle.write(Data([1]))
            }
            return nil
        }) {
            refusal("a")
        }
        #expect(refused == .changing)
        #expect(scratch.files("blobs").isEmpty)
        #expect(refusal("a") == nil)
    }

    @Test("A claim interrupted at any system call can be repeated", .tags(.fault01))
    func fault01ClaimStoppedAtEveryCall()
        throws
    {
        let bytes = pattern(200_000)
        try scratch.write("inbox/a", bytes)
        var calls = 0
        for call in 0... {
            let counter = Atomic<Int>(0)
            SyscallHook.interrupt({ _, _ in
                counter.add(1, ordering: .relaxed).oldValue >= call ? .fail(.ioError) : nil
            }) {
                _ = try? blobs.claim("a", in: inbox, limit: 1 << 20)
            }
            for name in scratch.files("blobs") where !name.hasPrefix(".") {
                #expect(try blobs.read(Digest(of: bytes)) == bytes, "call \(call): \(name)")
            }
            try blobs.removeTemporaries()
            let claim = try blobs.claim("a", in: inbox, limit: 1 << 20)
            #expect(scratch.files("blobs") == [claim.digest.hexadecimal], "call \(call)")
            try FileManager.default.removeItem(atPath: "\(scratch.path)/blobs/\(claim.digest)")
            calls = call
            if counter.load(ordering: .relaxed) <= call { break }
        }
        #expect(calls > 10)
    }

    @Test("Digests of files are those of their bytes") func digestsOfFiles() throws {
        try scratch.write("inbox/a", pattern(200_000))
        let found = try #require(try inbox.digest(of: "a"))
        #expect(found == (Digest(of: pattern(200_000)), 200_000))
        #expect(try inbox.digest(of: "b") == nil)
        try #require(symlink("a", scratch.path + "/inbox/link") == 0)
        try #require(mkfifo(scratch.path + "/inbox/pipe", 0o644) == 0)
        for name: FilePath.Component in ["link", "pipe"] {
            #expect(throws: FileError.self) { try inbox.digest(of: name) }
        }
    }

    @Test("SHA-256 gives the known digests") func digests() throws {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        #expect(Digest(of: []).hexadecimal == empty)
        #expect(Digest(hexadecimal: empty.uppercased()) == Digest(of: []))
        #expect(Digest(hexadecimal: String(empty.dropLast())) == nil)
        #expect(Digest(hexadecimal: "g" + empty.dropFirst()) == nil)
        let json = try JSONEncoder().encode([Digest(of: [])])
        #expect(try JSONDecoder().decode([Digest].self, from: json) == [Digest(of: [])])
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([Digest].self, from: Data("[\"x\"]".utf8))
        }
    }
}
