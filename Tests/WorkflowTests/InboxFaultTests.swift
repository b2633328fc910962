import DurableFiles
import Foundation
import Glibc
import JobSpec
import SystemPackage
import TestTags
import Testing
import Workflow

/// Faults 9, 15, 16, 22, 23 and 32: unsuitable entries.
@Suite struct InboxFaultTests {
    private let spool: TestSpool

    init() throws { spool = try TestSpool() }

    private func rejection(_ folder: String) -> String {
        spool.text("outbox/rejected/\(folder)/diagnostics.txt") ?? "nothing was set aside as \(folder)"
    }

    @Test(
        "A spool on a network file system is refused", .tags(.fault09),
        arguments: [
            (0x6969, "NFS"), (0x6573_5546, "FUSE"), (0xFF53_4D42, "SMB"), (0xFE53_4D42, "SMB"),
            (0x0BD0_0BD0, "Lustre"), (0x0102_1997, "9P"),
        ] as [(UInt32, String)])
    func fault09NetworkFileSystems(type: UInt32, name: String) throws {
        let error = #expect(throws: WorkflowError.self) {
            try SyscallHook.interrupt({ call, _ in call == .statfs ? .pretend(fileSystem: type) : nil }) {
                _ = try spool.spool.open()
            }
        }
        #expect(error?.exitStatus == .store)
        #expect(error?.description.contains("is on \(name),") ?? false, "\(error.map(\.description) ?? "")")
        #expect(!spool.exists(".aurelax/jobs.sqlite"))
    }

    /// The incomplete file of a killed writer is set aside after a while, and never accepted.
    @Test("The incomplete file of a killed writer is set aside", .tags(.fault15), .timeLimit(.minutes(2)))
    func fault15KilledWriter() async throws {
        try spool.drop("h2.xyz", hydrogen)
        try spool.drop("half.yaml", String(outsideJob("half").dropLast(20)))
        try spool.drop("short.yaml", outsideJob("short", structure: "short.xyz"))
        try spool.drop("short.xyz", String(hydrogen.dropLast(8)))
        try await spool.work()
        #expect(try spool.client.statuses().isEmpty)
        #expect(rejection("half").contains("half.yaml:"), "\(rejection("half"))")
        #expect(rejection("short").contains("short.xyz:"), "\(rejection("short"))")
        #expect(spool.files("inbox") == ["h2.xyz", "short.xyz"])
    }

    @Test("Temporary names are ignored", .tags(.fault16)) func fault16TemporaryNames() async throws {
        let names = [
            ".a.yaml", ".a.yaml.XyZ123", "a.yaml.part", "a.yaml~", "a.yaml.tmp", ".syncthing.a.yaml.tmp",
            ".nfs000000000123", "a.yaml.filepart", "a.yaml.crdownload", ".a.yaml.swp", "a.yaml.PART",
            "#a.yaml#", "a.yaml.lock",
        ]
        for name in names { try spool.drop(name, outsideJob("a")) }
        try await spool.work()
        #expect(Set(spool.files("inbox")) == Set(names))
        #expect(spool.files("outbox") == ["rejected"] && spool.files("outbox/rejected").isEmpty)
        #expect(spool.files(".aurelax/blobs").isEmpty)
    }

    @Test("Huge structures are refused", .tags(.fault22)) func fault22HugeStructures() async throws {
        let path = spool.path + "/inbox/huge.xyz"
        try #require(FileManager.default.createFile(atPath: path, contents: nil))
        try #require(truncate(path, 10 << 30) == 0)
        try spool.drop("huge.yaml", outsideJob("huge", structure: "huge.xyz"))
        try spool.drop("line.xyz", "2\n" + String(repeating: "x", count: 32 << 20) + "\nH 0 0 0\nH 0 0 1\n")
        try spool.drop("line.yaml", outsideJob("line", structure: "line.xyz"))
        try await spool.work()
        #expect(rejection("huge").contains("bytes, more than the"), "\(rejection("huge"))")
        #expect((try? spool.state(of: "line")) == nil)
        #expect(rejection("line").contains("line.xyz:"), "\(rejection("line"))")
    }

    /// Any bytes of a name are kept inside the spool, and are escaped when they are shown.
    @Test("Hostile names are kept as bytes and escaped for display", .tags(.fault23))
    func fault23HostileNames() async throws {
        let names: [[UInt8]] = [
            [0xFF, 0xFE, 0x61], Array("two\nlines".utf8), Array("abc\u{202E}fdp".utf8),
            Array("<script>alert(1)<".utf8), Array("a b;rm -rf $HOME`id`".utf8), Array("\u{1B}[2Jx".utf8),
            Array("\"quoted'".utf8), Array("-rf".utf8), [UInt8](repeating: 0x61, count: 250),
            Array("%s%n".utf8), Array("\u{FEFF}bom".utf8),
        ]
        let inbox = try Directory(FilePath(spool.path + "/inbox"))
        for name in names {
            let component = try #require(FilePath.Component(bytes: name + Array(".yaml".utf8)))
            try inbox.create(component, Array("aurelax: 1\nnonsense: true\n".utf8))
        }
        try await spool.work()
        #expect(spool.files("inbox").isEmpty)
        let folders = spool.files("outbox/rejected")
        #expect(folders.count == names.count)
        var kept: [[UInt8]] = []
        for folder in folders {
            #expect(folder.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "<") }, "\(folder)")
            let text = rejection(folder)
            #expect(
                text.unicodeScalars.allSatisfy {
                    $0 == "\n" || !($0.value < 0x20 || $0 == "\u{202E}" || $0 == "\u{FEFF}")
                })
            let directory = try Directory(FilePath("\(spool.path)/outbox/rejected/\(folder)"))
            kept += try directory.names().map(\.bytes).filter { $0.suffix(5).elementsEqual(".yaml".utf8) }
        }
        #expect(Set(kept) == Set(names.map { $0 + Array(".yaml".utf8) }))
    }

    @Test("A foreign folder with the job's name is not touched", .tags(.fault32))
    func fault32ForeignFolder() async throws {
        try FileManager.default.createDirectory(
            atPath: spool.path + "/outbox/h2/01-dft", withIntermediateDirectories: true)
        try Data("mine".utf8).write(to: URL(fileURLWithPath: spool.path + "/outbox/h2/01-dft/MANIFEST.json"))
        try spool.drop("h2.xyz", hydrogen)
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work()
        #expect(spool.text("outbox/h2/01-dft/MANIFEST.json") == "mine")
        #expect(spool.files("outbox/h2") == ["01-dft"])
        #expect(try spool.client.statuses().isEmpty)
        #expect(rejection("h2").contains("is not this job's"), "\(rejection("h2"))")
    }
}
