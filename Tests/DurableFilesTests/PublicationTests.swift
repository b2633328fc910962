import DurableFiles
import Foundation
import Synchronization
import SystemPackage
import TestTags
import Testing

@Suite struct PublicationTests {
    private let scratch: Scratch
    private let outbox: Directory
    private let staging: Directory
    private let files = [
        PublishedFile(name: "run.sh", bytes: Array("#!/bin/sh\n".utf8), isExecutable: true),
        PublishedFile(name: "initial.extxyz", bytes: pattern(100_000)),
        PublishedFile(name: "MANIFEST.json", bytes: Array("{}".utf8)),
    ]

    init() throws {
        scratch = try Scratch()
        outbox = try scratch.directory.makeSubdirectory("outbox")
        staging = try scratch.directory.makeSubdirectory("staging")
    }

    private func isWhole(_ name: FilePath.Component) throws -> Bool {
        let there = try outbox.subdirectory(name)
        return try files.allSatisfy { try there.read($0.name) == $0.bytes }
    }

    @Test("Publishing the same content again succeeds", .tags(.fault32)) func fault32SameContent() throws {
        #expect(try outbox.publish(files, as: "p", staging: staging) == .published)
        #expect(try isWhole("p"))
        #expect(FileManager.default.isExecutableFile(atPath: scratch.path + "/outbox/p/run.sh"))
        #expect(!FileManager.default.isExecutableFile(atPath: scratch.path + "/outbox/p/MANIFEST.json"))
        #expect(try outbox.publish(files, as: "p", staging: staging) == .alreadyThere)
        // Files added by users do not matter, and are kept.
        try scratch.write("outbox/p/notes.txt", [1])
        #expect(try outbox.publish(files, as: "p", staging: staging) == .alreadyThere)
        #expect(scratch.files("outbox/p").contains("notes.txt") && scratch.files("staging").isEmpty)
    }

    @Test("Publishing over other content is a conflict", .tags(.fault32)) func fault32OtherContent() throws {
        #expect(try outbox.publish(files, as: "p", staging: staging) == .published)
        var other = files
        other[2] = PublishedFile(name: "MANIFEST.json", bytes: Array("[]".utf8))
        guard case .conflict(let why) = try outbox.publish(other, as: "p", staging: staging) else {
            Issue.record("the other package was replaced")
            return
        }
        #expect(why.contains("MANIFEST.json"))
        #expect(try isWhole("p"))
        // If the caller names the manifest as `identity`, only the manifest decides whether the folder is the same.
        var changed = files
        changed[1] = PublishedFile(name: "initial.extxyz", bytes: [])
        #expect(
            try outbox.publish(changed, as: "p", staging: staging, identity: "MANIFEST.json") == .alreadyThere
        )
        try scratch.write("outbox/file", [1])
        guard case .conflict = try outbox.publish(files, as: "file", staging: staging) else {
            Issue.record("a file was treated as a package")
            return
        }
        #expect(try scratch.bytes("outbox/file") == [1])
    }

    /// The publication is stopped at each call in turn: a reader sees nothing or the complete directory, and a second
    /// publication completes the first.
    @Test(
        "A publication interrupted at any call can be repeated", .tags(.fault31),
        arguments: [Errno.noSpace, .ioError])
    func fault31StoppedAtEveryCall(code: Errno) throws {
        var calls = 0
        for call in 0... {
            let name = try #require(FilePath.Component("p\(call)"))
            let counter = Atomic<Int>(0)
            SyscallHook.interrupt({ _, _ in
                // All later calls fail too, as if the process had ended there.
                counter.add(1, ordering: .relaxed).oldValue >= call ? .fail(code) : nil
            }) {
                _ = try? outbox.publish(files, as: name, staging: staging)
            }
            let isThere = try outbox.status(of: name) != nil
            #expect(try !isThere || isWhole(name), "call \(call): a reader sees a part of the directory")
            let again = try outbox.publish(files, as: name, staging: staging)
            #expect(again == (isThere ? .alreadyThere : .published), "call \(call)")
            #expect(try isWhole(name))
            calls = call
            if counter.load(ordering: .relaxed) <= call { break }
        }
        #expect(calls > 20)
    }
}
