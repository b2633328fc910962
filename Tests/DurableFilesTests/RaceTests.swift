import DurableFiles
import Foundation
import Glibc
import Synchronization
import SystemPackage
import TestTags
import Testing

/// Other processes work in the same directories at the same time.
@Suite struct RaceTests {
    private let scratch: Scratch
    private let inbox: Directory
    private let blobs: BlobStore

    init() throws {
        scratch = try Scratch()
        inbox = try scratch.directory.makeSubdirectory("inbox")
        blobs = BlobStore(try scratch.directory.makeSubdirectory("blobs"))
    }

    /// Runs `body` while another thread runs `other` again and again.
    private func beside(_ other: @escaping @Sendable (Int) -> Void, _ body: () throws -> Void) throws {
        let isOver = Flag()
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            var number = 0
            while !isOver.isSet {
                other(number)
                number += 1
            }
            done.signal()
        }
        defer {
            isOver.set()
            done.wait()
        }
        try body()
    }

    private final class Flag: Sendable {
        private let value = Atomic<Bool>(false)
        var isSet: Bool { value.load(ordering: .relaxed) }
        func set() { value.store(true, ordering: .relaxed) }
    }

    /// `make torture` repeats this ten thousand times.
    @Test("A file renamed during the claim is harmless", .tags(.fault19)) func fault19Renamed() throws {
        let bytes = pattern(3000)
        try scratch.write("inbox/a", bytes)
        let (a, b) = (scratch.path + "/inbox/a", scratch.path + "/inbox/b")
        var taken = 0
        var vanished = 0
        try beside({ number in _ = number.isMultiple(of: 2) ? rename(a, b) : rename(b, a) }) {
            let end = ContinuousClock.now + .seconds(30)
            while taken + vanished < Strength.scaled(500, full: 10_000) || taken == 0 || vanished == 0,
                ContinuousClock.now < end
            {

                do {
                    let claim = try blobs.claim("a", in: inbox, limit: 1 << 20)
                    #expect(claim.digest == Digest(of: bytes))
                    taken += 1
                } catch {
                    // A rename changes the file's time of change, so the file may be reported as changing.
                    let refusal = error as? ClaimRefusal
                    #expect(refusal == .vanished || refusal == .changing, "\(error)")
                    vanished += 1
                }
            }
        }
        #expect(taken > 0 && vanished > 0)
        #expect(scratch.files("blobs") == [Digest(of: bytes).hexadecimal])
        #expect(scratch.files("inbox").count == 1, "the file itself was removed")
    }

    /// A link that replaces a file between two system calls is never followed.
    @Test("A file swapped for a link is refused", .tags(.fault21)) func fault21SwappedForALink() throws {
        try scratch.write("secret", Array("secret".utf8))
        try scratch.write("inbox/good", Array("good".utf8))
        let (name, good) = (scratch.path + "/inbox/a", scratch.path + "/inbox/good")
        let (link, copy) = (scratch.path + "/inbox/link", scratch.path + "/inbox/copy")
        try #require(symlink("../secret", link) == 0)
        let secret = Digest(of: Array("secret".utf8))
        var taken = 0
        try beside({ number in
            usleep(UInt32.random(in: 0...2000))
            if number.isMultiple(of: 2) {
                _ = rename(link, name)
                _ = symlink("../secret", link)
            } else {
                try? Data(contentsOf: URL(fileURLWithPath: good)).write(to: URL(fileURLWithPath: copy))
                _ = rename(copy, name)
            }
        }) {
            let end = ContinuousClock.now + .seconds(30)
            var tries = 0
            while tries < Strength.scaled(500, full: 10_000) || taken == 0, ContinuousClock.now < end {
                tries += 1

                guard let claim = try? blobs.claim("a", in: inbox, limit: 1 << 20) else { continue }
                #expect(claim.digest != secret)
                taken += 1
            }
        }
        #expect(taken > 0)
        #expect(try blobs.read(secret) == nil)
    }

    /// A parent folder is replaced by a link. This does not lead to the link's target, because directories are kept
    /// open.
    @Test("A parent that is a link is refused", .tags(.fault21)) func fault21LinkedParent() throws {
        try FileManager.default.createDirectory(
            atPath: scratch.path + "/elsewhere/inner", withIntermediateDirectories: true)
        try #require(symlink("elsewhere", scratch.path + "/door") == 0)
        #expect(throws: FileError.self) { try scratch.directory.subdirectory("door") }
        #expect(throws: FileError.self) { try scratch.directory.makeSubdirectory("door") }
    }

    /// A process reads packages while they are published. It sees nothing or the complete folder, with correct
    /// checksums.
    @Test("A reader sees nothing or the complete directory", .tags(.fault31)) func fault31Readers() throws {
        let outbox = try scratch.directory.makeSubdirectory("outbox")
        let staging = try scratch.directory.makeSubdirectory("staging")
        let content = (0..<3).map { pattern(20_000 + $0) }
        let manifest = content.map { Digest(of: $0).hexadecimal }.joined(separator: "\n")
        let files =
            content.enumerated().map {
                PublishedFile(name: FilePath.Component("file\($0.offset)") ?? "x", bytes: $0.element)
            } + [PublishedFile(name: "MANIFEST", bytes: Array(manifest.utf8))]
        let reader = Reader(outbox: scratch.path + "/outbox", manifest: manifest)
        try beside({ _ in reader.look() }) {
            for number in 0..<Strength.scaled(60, full: 1000) {
                let name = try #require(FilePath.Component("p\(number)"))
                #expect(try outbox.publish(files, as: name, staging: staging) == .published)
            }
        }
        #expect(reader.torn.load(ordering: .relaxed) == 0)
        #expect(reader.seen.load(ordering: .relaxed) > 0)
    }

    /// Reads the packages that exist, as a program that runs packages does.
    private final class Reader: Sendable {
        let outbox: String
        let manifest: String
        let torn = Atomic<Int>(0)
        let seen = Atomic<Int>(0)

        init(outbox: String, manifest: String) { (self.outbox, self.manifest) = (outbox, manifest) }

        func look() {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: outbox)) ?? []
            for name in names.suffix(5) where !name.hasPrefix(".") {
                let digests = (0..<3).map { index -> String in
                    let data = FileManager.default.contents(atPath: "\(outbox)/\(name)/file\(index)")
                    return data.map { Digest(of: Array($0)).hexadecimal } ?? "missing"
                }
                if digests.joined(separator: "\n") != manifest { torn.add(1, ordering: .relaxed) }
                seen.add(1, ordering: .relaxed)
            }
        }
    }
}
