import DurableFiles
import Foundation
import Glibc
import JobSpec
import SystemPackage
import TestTags
import Testing
import Workflow

/// Faults 10 to 14: the daemon is not told of new files. The watchers and directories are real.
@Suite(.serialized) struct WatchFaultTests {
    private let spool: TestSpool

    init() throws { spool = try TestSpool() }

    /// Starts a daemon that runs during the test.
    private func start(
        watcher: String?, interval: Duration = .seconds(1), settle: Duration = .milliseconds(200)
    ) -> Task<Void, any Error> {
        var configuration = spool.configuration(once: false)
        configuration.watcher = watcher
        configuration.interval = interval
        configuration.settle = settle
        return Task { [daemon = Daemon(configuration, logger: TestSpool.quiet)] in try await daemon.run() }
    }

    private func end(_ daemon: Task<Void, any Error>) async {
        daemon.cancel()
        _ = await daemon.result
    }

    private func wait(seconds: Double, until condition: () throws -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            if try condition() { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return try condition()
    }

    private static let program: String = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return FilePath(own).removingLastComponent().appending("aurelax-watch").string
    }()

    /// Returns the process that watches the inbox of this test.
    private func watcher() -> Int32? {
        let inbox = Array((spool.path + "/inbox").utf8)
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let process = Int32(name), process != getpid(),
                let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
            else { continue }
            let arguments = line.split(separator: 0)
            if arguments.count == 2, arguments[0].suffix(13).elementsEqual("aurelax-watch".utf8),
                arguments[1].elementsEqual(inbox)
            {
                return process
            }
        }
        return nil
    }

    private func isReady() throws -> Bool { try spool.client.health()?.degraded == [] && watcher() != nil }

    private func drop(_ name: String) throws {
        try spool.drop("\(name).yaml", outsideJob(name, structure: "|\n  2\n\n  H 0 0 0\n  H 0 0 0.9"))
    }

    private func isTaken(_ name: String) -> Bool { (try? spool.state(of: name)) == .waitingForDFT }

    /// By default the kernel keeps at most 16,384 events for a reader.
    @Test("All files are found after an overflow of the event queue", .tags(.fault10))
    func fault10QueueOverflow() async throws {
        let daemon = start(watcher: Self.program, interval: .seconds(60))
        #expect(try await wait(seconds: 90, until: isReady))
        let process = try #require(watcher())
        try #require(kill(process, SIGSTOP) == 0)
        for number in 0..<20_000 {
            let file = open("\(spool.path)/inbox/\(number).txt", O_WRONLY | O_CREAT, 0o644)
            try #require(file >= 0)
            close(file)
        }
        let names = (0..<5).map { "job\($0)" }
        for name in names { try drop(name) }
        try #require(kill(process, SIGCONT) == 0)
        let start = ContinuousClock.now
        // Every file is found within two seconds. On a busy machine it may take longer until each job has its package.
        #expect(
            try await wait(seconds: 60) { try spool.client.statuses().count == names.count })
        let seconds = start.duration(to: .now) / .seconds(1)
        #expect(seconds < 2 || !Strength.isFull, "\(seconds) s")
        await end(daemon)
        #expect(spool.files("inbox").count == 20_000)
    }

    @Test("A killed watcher is started again", .tags(.fault11)) func fault11KilledWatcher() async throws {
        let daemon = start(watcher: Self.program, interval: .milliseconds(300))
        #expect(try await wait(seconds: 90, until: isReady))
        try #require(kill(try #require(watcher()), SIGKILL) == 0)
        try drop("after")
        #expect(
            try await wait(seconds: 30) {
                try spool.client.health()?.degraded.contains { $0.contains("no watcher") } ?? false
            })
        #expect(try await wait(seconds: 30) { isTaken("after") })
        #expect(try await wait(seconds: 90, until: isReady), "no new watcher")
        await end(daemon)
    }

    @Test("The daemon polls if the watcher cannot start", .tags(.fault11))
    func fault11NoWatcher() async throws {
        let daemon = start(watcher: "/nonexistent/aurelax-watch", interval: .milliseconds(300))
        try drop("polled")
        #expect(try await wait(seconds: 30) { isTaken("polled") })
        #expect(
            try await wait(seconds: 30) {
                try spool.client.health()?.degraded.contains { $0.contains("no watcher") } ?? false
            })
        await end(daemon)
        // A process that a parallel test forks at this moment also holds the lock, until it executes another program.
        #expect(try await wait(seconds: 30) { try spool.client.health() == nil })
    }

    /// The watcher is silent, as on a network file system, and does not react to the daemon's end.
    @Test("Files are found without any event", .tags(.fault12)) func fault12NoEvents() async throws {
        let program = spool.path + "/mute"
        try Data("#!/bin/sh\nexec sleep 300\n".utf8).write(to: URL(fileURLWithPath: program))
        try #require(chmod(program, 0o755) == 0)
        let daemon = start(watcher: program, interval: .milliseconds(400))
        try await Task.sleep(for: .milliseconds(300))
        try drop("quiet")
        #expect(try await wait(seconds: 30) { isTaken("quiet") })
        let start = ContinuousClock.now
        await end(daemon)
        #expect(start.duration(to: .now) < .seconds(10))
    }

    @Test("A removed or renamed inbox is created again", .tags(.fault13))
    func fault13RemovedInbox() async throws {
        let daemon = start(watcher: Self.program, interval: .milliseconds(300))
        #expect(try await wait(seconds: 90, until: isReady))
        try FileManager.default.removeItem(atPath: spool.path + "/inbox")
        #expect(try await wait(seconds: 30) { spool.exists("inbox") })
        try drop("removed")
        #expect(try await wait(seconds: 30) { isTaken("removed") })
        #expect(try await wait(seconds: 90, until: isReady))
        try FileManager.default.moveItem(atPath: spool.path + "/inbox", toPath: spool.path + "/moved")
        #expect(try await wait(seconds: 30) { spool.exists("inbox") })
        try drop("renamed")
        #expect(try await wait(seconds: 30) { isTaken("renamed") })
        #expect(try await wait(seconds: 90, until: isReady), "the new inbox is not watched")
        await end(daemon)
    }

    /// The files are dropped while the daemon starts. The next scan of the inbox would be a minute later.
    @Test("Files dropped during the start are found", .tags(.fault14))
    func fault14DropsWhileStarting() async throws {
        for round in 0..<Strength.scaled(1, full: 20) {
            let count = Strength.scaled(60, full: 1000)
            let daemon = start(watcher: Self.program, interval: .seconds(60))
            for number in 0..<count {
                try spool.drop(
                    "r\(round)-\(number).yaml",
                    outsideJob("r\(round)-\(number)", structure: "|\n  2\n\n  H 0 0 0\n  H 0 0 0.9"))
            }
            #expect(
                try await wait(seconds: 50) {
                    (try? spool.client.statuses().count) == count * (round + 1)
                },
                "round \(round)")
            await end(daemon)
            #expect(spool.files("inbox").isEmpty)
        }
    }
}
