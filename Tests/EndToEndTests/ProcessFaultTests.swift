import Foundation
import Glibc
import Subprocess
import SystemPackage
import TestTags
import Testing

/// Faults 1, 4, 8 and 30: the real program is killed, stopped, and run without enough resources.
@Suite(.serialized) struct ProcessFaultTests {
    private let spool: Spool

    init() throws { spool = try Spool() }

    private static let isFull = ProcessInfo.processInfo.environment["AURELAX_TORTURE"] == "1"

    private static func job(_ name: String) -> String {
        """
        aurelax: 1
        name: \(name)
        structure: |
          2

          H 0 0 0
          H 0 0 0.9
        stages:
          - dft: {engine: tblite}

        """
    }

    /// Runs a shell command.
    private func shell(_ line: String) async throws -> (status: Int32, text: String) {
        let result = try await Subprocess.run(
            .path("/bin/sh"), arguments: ["-c", line], environment: Program.environment(nil),
            output: .string(limit: 1 << 20), error: .combinedWithOutput)
        guard case .exited(let code) = result.terminationStatus else { return (-1, result.standardOutput) }
        return (code, result.standardOutput)
    }

    /// Expects that every job exists, waits for its result, and has exactly one package.
    private func expectAll(_ names: [String], _ place: Comment? = nil) async throws {
        let output = try await Program.run(["status", "--json"], spool: spool.path).output
        let jobs = try JSONDecoder().decode(StatusList.self, from: Data(output.utf8)).jobs
        #expect(jobs.map(\.name).sorted() == names.sorted(), place)
        #expect(jobs.allSatisfy { $0.state == "waiting-for-dft" }, place)
        for name in names {
            #expect(spool.files("outbox/\(name)").filter { $0.contains("-dft") } == ["01-dft"], place)
            #expect(spool.exists("outbox/\(name)/01-dft/MANIFEST.json"), place)
        }
        #expect(spool.files("inbox").filter { !$0.hasPrefix(".") }.isEmpty, place)
        #expect(spool.files("outbox/rejected").isEmpty, place)
        let doctor = try await Program.run(["doctor"], spool: spool.path)
        #expect(doctor.status == 0, "\(doctor.output)")
    }

    /// Jobs are dropped while the daemon is killed, 500 times in `make torture`.
    @Test("A daemon killed at any moment loses nothing", .tags(.fault01))
    func fault01KilledAtAnyMoment() async throws {
        let kills = Self.isFull ? 500 : 12
        var names: [String] = []
        for number in 0..<kills {
            for _ in 0..<Int.random(in: 0...3) {
                let name = "job\(names.count)"
                try spool.drop("\(name).yaml", Self.job(name))
                names.append(name)
            }
            let daemon = try BackgroundProgram(
                ["daemon", "--interval", "0.05", "--settle", "0.05"], spool: spool, log: "daemon.log")
            try await Task.sleep(for: .milliseconds(Int.random(in: 0..<500)))
            daemon.kill()
            #expect(!names.isEmpty || number < 50)
        }
        let last = try await Program.run(
            ["daemon", "--once", "--interval", "0.05", "--settle", "0.1"], spool: spool.path)
        #expect(last.status == 0, "\(last.errors)")
        try await expectAll(names, "after \(kills) kills")
    }

    /// The spool is on a file system of 1 MB that is filled.
    @Test("The daemon waits while the disk is full", .tags(.fault04)) func fault04FullDisk() async throws {
        guard try await shell("unshare -rm true").status == 0 else { return }
        let line = """
            set -e
            mount -t tmpfs -o size=1m tmpfs \(spool.path)
            cd \(spool.path); mkdir inbox outbox
            \(Program.aurelax) daemon --once --settle 0.05 --interval 0.05 2>first.log
            printf '%s' '\(Self.job("full"))' >inbox/full.yaml
            dd if=/dev/zero of=filler bs=4k count=1000 2>filler.log || true
            \(Program.aurelax) daemon --settle 0.05 --interval 0.05 2>daemon.log & daemon=$!
            sleep 2
            kill -0 $daemon 2>/dev/null && echo alive || { echo dead; cat daemon.log; }
            ls inbox; ls outbox
            rm filler
            for i in $(seq 200); do [ -e outbox/full/01-dft/MANIFEST.json ] && break; sleep 0.1; done
            kill -TERM $daemon; wait $daemon || echo status $?
            ls outbox/full/01-dft; grep -c 'o space' daemon.log || true
            """
        let path = spool.path.appending("line.sh").string
        try line.write(toFile: path, atomically: true, encoding: .utf8)
        let result = try await shell("unshare -rm /bin/sh \(path)")
        let lines = result.text.split(separator: "\n").map(String.init)
        #expect(lines.contains("alive"), "\(result.text)")
        #expect(lines.contains("full.yaml"), "the job left the inbox while the disk was full: \(result.text)")
        #expect(lines.contains("MANIFEST.json"), "the job did not continue: \(result.text)")
        #expect(!lines.contains { $0.hasPrefix("status ") }, "\(result.text)")
    }

    @Test("The daemon does its work with at most 40 descriptors", .tags(.fault04))
    func fault04FewDescriptors() async throws {
        let names = (0..<3).map { "few\($0)" }
        for name in names { try spool.drop("\(name).yaml", Self.job(name)) }
        let result = try await shell(
            "ulimit -n 40; exec \(Program.aurelax) daemon --once --interval 0.05 --settle 0.05 --spool \(spool.path)"
        )
        #expect(result.status == 0, "\(result.text)")
        try await expectAll(names)
    }

    /// Only the daemon's user can access its state, and no file that it writes is writable by other users.
    @Test("No file is writable by all users", .tags(.fault21)) func fault21Permissions() async throws {
        try spool.drop("mine.yaml", Self.job("mine"))
        let result = try await shell(
            "umask 0; exec \(Program.aurelax) daemon --once --interval 0.05 --settle 0.05 --spool \(spool.path)"
        )
        #expect(result.status == 0, "\(result.text)")
        let found = try await shell(
            "find \(spool.path)/outbox/* \(spool.path)/.aurelax -perm /022; stat -c %a \(spool.path)/.aurelax"
        )
        #expect(found.text == "700\n")
    }

    /// The structures are a sparse file of 10 GiB and a line of 32 MiB. The test measures the peak memory of the
    /// process.
    @Test("Huge structures are refused with bounded memory", .tags(.fault22))
    func fault22BoundedMemory() async throws {
        try spool.drop("huge.xyz", "")
        try #require(truncate(spool.path.appending("inbox/huge.xyz").string, 10 << 30) == 0)
        try spool.drop("line.xyz", "2\n" + String(repeating: "x", count: 32 << 20) + "\nH 0 0 0\nH 0 0 1\n")
        for name in ["huge", "line"] {
            try spool.drop(
                "\(name).yaml",
                "aurelax: 1\nname: \(name)\nstructure: \(name).xyz\nstages:\n  - dft: {engine: tblite}\n")
        }
        let result = try await shell(
            """
            python3 -c '
            import resource, subprocess, sys
            status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
            print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
            ' \(Program.aurelax) daemon --once --interval 0.05 --settle 0.05 --spool \(spool.path)
            """)
        let numbers = result.text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        try #require(numbers.count == 2, "\(result.text)")
        #expect(numbers[0] == 0)
        #expect(numbers[1] < 256 << 10, "\(numbers[1]) KiB")
        #expect(spool.files("outbox/rejected").sorted() == ["huge", "line"])
    }

    @Test("A second daemon exits and names the first", .tags(.fault08))
    func fault08SecondDaemon() async throws {
        let first = try BackgroundProgram(["daemon"], spool: spool, log: "daemon.log")
        #expect(try await spool.wait { spool.exists(".aurelax/jobs.sqlite") })
        for isStopped in [false, true] {
            if isStopped { try #require(kill(first.process, SIGSTOP) == 0) }
            let second = try await Program.run(["daemon"], spool: spool.path)
            #expect(second.status == 3)
            #expect(second.errors.contains("process \(first.process) on "), "\(second.errors)")
        }
        try #require(kill(first.process, SIGCONT) == 0)
        #expect(first.stop() == 0)
    }

    /// The daemon stops within ten seconds, and the next daemon accepts the remaining files.
    @Test("The daemon stops cleanly during a burst of files", .tags(.fault30))
    func fault30StoppedInABurst() async throws {
        let names = (0..<(Self.isFull ? 1000 : 60)).map { "burst\($0)" }
        for name in names { try spool.drop("\(name).yaml", Self.job(name)) }
        let daemon = try BackgroundProgram(
            ["daemon", "--interval", "0.05", "--settle", "0.05"], spool: spool, log: "daemon.log")
        #expect(try await spool.wait { spool.files("inbox").count < names.count - 5 })
        let start = ContinuousClock.now
        #expect(daemon.stop() == 0)
        #expect(start.duration(to: .now) < .seconds(10))
        let last = try await Program.run(
            ["daemon", "--once", "--interval", "0.05", "--settle", "0.05"], spool: spool.path)
        #expect(last.status == 0)
        try await expectAll(names)
    }

    /// The messages are: ready, alive, status, stopping.
    @Test("The daemon reports to the service manager", .tags(.fault30))
    func fault30ServiceManager() async throws {
        let path = spool.path.appending("notify").string
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        func hear() -> String {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : ""
        }
        let daemon = try BackgroundProgram(
            ["daemon", "--interval", "0.05"], spool: spool, log: "daemon.log",
            environment: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "5000000"])
        #expect(hear() == "READY=1\nWATCHDOG=1\nSTATUS=idle")
        try spool.drop("told.yaml", Self.job("told"))
        var text = ""
        for _ in 0..<400 where !text.contains("waiting") { text = hear() }
        #expect(text.contains("STATUS=1 waiting-for-dft"), "\(text)")
        #expect(daemon.stop() == 0)
        text = hear()
        while !text.isEmpty, text != "STOPPING=1" { text = hear() }
        #expect(text == "STOPPING=1")
    }

    /// `dft serve` ignores packages that no job waits for. It does not run a replaced package, and reports it.
    @Test("A foreign package is not run", .tags(.fault33), .enabled(if: Available.python))
    func fault33ForeignPackage()
        async throws
    {
        for name in ["changed", "mine"] { try spool.drop("\(name).yaml", Self.job(name)) }
        _ = try await Program.run(["daemon", "--once", "--settle", "0.05"], spool: spool.path)
        let outbox = spool.path.appending("outbox").string
        try FileManager.default.createDirectory(atPath: outbox + "/theirs", withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: outbox + "/mine/01-dft", toPath: outbox + "/theirs/01-dft")
        for job in ["theirs", "changed"] {
            let script = "\(outbox)/\(job)/01-dft/run.sh"
            let foreign = "#!/bin/sh\ntouch \(spool.path)/owned\n"
            try foreign.write(toFile: script, atomically: true, encoding: .utf8)
            let manifest = "\(outbox)/\(job)/01-dft/MANIFEST.json"
            let text = try String(contentsOfFile: manifest, encoding: .utf8)
            let other = text.replacing(job == "theirs" ? "mine" : job, with: "evil")
            #expect(other != text)
            try other.write(toFile: manifest, atomically: true, encoding: .utf8)
        }
        let served = try await Program.run(["dft", "serve", "--once"], spool: spool.path)
        #expect(served.errors.contains("changed/01-dft: not run"), "\(served.errors)")
        #expect(!served.errors.contains("theirs"), "\(served.errors)")
        for job in ["theirs", "changed"] {
            let byHand = try await Program.run(["dft", "run", "\(outbox)/\(job)/01-dft"])
            #expect(byHand.status != 0)
            let refusal = "this daemon has not handed off a package with this MANIFEST.json"
            #expect(byHand.errors.contains(refusal), "\(byHand.errors)")
        }
        #expect(!spool.exists("owned"))
        #expect(spool.exists("outbox/mine/01-dft/result/DONE.json"), "\(served.errors)")
    }

    @Test("No port is open unless the dashboard is requested", .tags(.fault35))
    func fault35NothingListens() async throws {
        let daemon = try BackgroundProgram(["daemon"], spool: spool, log: "daemon.log")
        try spool.drop("mine.yaml", Self.job("mine"))
        #expect(try await spool.waitForState("waiting-for-dft", of: "mine", seconds: 60))
        let listening = try ["tcp", "tcp6"].flatMap { table in
            try String(contentsOfFile: "/proc/net/\(table)", encoding: .utf8).split(separator: "\n")
                .dropFirst().map { $0.split(separator: " ") }.filter { $0[3] == "0A" }.map {
                    "socket:[\($0[9])]"
                }
        }
        let folder = "/proc/\(daemon.process)/fd"
        let open = try FileManager.default.contentsOfDirectory(atPath: folder).compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
        }
        #expect(open.contains { $0.hasSuffix("jobs.sqlite") }, "\(open)")
        #expect(Set(open).isDisjoint(with: listening))
        #expect(daemon.stop() == 0)
    }

    /// Requests with foreign host names, changes by GET, changes without the token, and requests from foreign pages are
    /// refused.
    @Test("The dashboard answers only permitted requests", .tags(.fault35))
    func fault35Access() async throws {
        let daemon = try BackgroundProgram(
            ["daemon", "--dashboard", "127.0.0.1:0"], spool: spool, log: "daemon.log",
            environment: ["AURELAX_DASHBOARD_TOKEN": "secret"])
        try spool.drop("mine.yaml", Self.job("mine"))
        #expect(try await spool.waitForState("waiting-for-dft", of: "mine", seconds: 60))
        let log = try #require(spool.text("daemon.log"))
        let port = try #require(log.firstMatch(of: /127\.0\.0\.1:(\d+)\//).flatMap { UInt16($0.1) })
        func ask(_ line: String, host: String = "127.0.0.1", _ more: String = "", body: String = "") throws
            -> Int?
        {
            let answer = try exchange(
                "\(line) HTTP/1.1\r\nHost: \(host):\(port)\r\nConnection: close\r\n\(more)"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)", port: port)
            return answer.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        }
        #expect(try ask("GET /") == 200)
        #expect(try ask("GET /", host: "evil.example") == 421)
        #expect(try ask("GET /", host: "[::1].evil.example") == 421)
        #expect(try ask("GET /", host: "localhost:80@evil.example") == 421)
        #expect(try ask("GET /jobs/mine/cancel") == 404)
        #expect(try ask("POST /jobs/mine/cancel") == 403)
        #expect(try ask("POST /jobs/mine/cancel", body: "token=guess") == 403)
        #expect(
            try ask("POST /jobs/mine/cancel", "Origin: http://evil.example\r\n", body: "token=secret") == 403)
        #expect(try await spool.status(of: "mine")?.state == "waiting-for-dft")
        #expect(try ask("POST /jobs/mine/cancel", body: "token=secret") == 303)
        #expect(try await spool.waitForState("cancelled", of: "mine", seconds: 30))
        #expect(daemon.stop() == 0)
        for address in ["0.0.0.0:8787", "127.evil.example:8787", "127.1:8787"] {
            let open = try await Program.run(["daemon", "--dashboard", address], spool: spool.path)
            #expect(open.status == 2 && open.errors.contains("everybody"), "\(address): \(open.errors)")
        }
    }

    /// Sends a text to a server on this machine and returns the answer until the connection is closed.
    private func exchange(_ text: String, port: UInt16) throws -> String {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(connected == 0)
        let bytes = Array(text.utf8)
        try #require(send(socket, bytes, bytes.count, 0) == bytes.count)
        var answer: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = recv(socket, &part, part.count, 0), count > 0 { answer += part[..<count] }
        return String(decoding: answer, as: UTF8.self)
    }
}
