import Foundation
import SocketEngine
import SystemPackage
import Testing

@Suite("i-PI protocol")
struct ProtocolTests {
    private func privateAddress() throws -> SocketAddress {
        .unix(try PrivateFolder.make("/tmp/aurelax-test-XXXXXX").appending("socket"))
    }

    /// Connects both ends of the protocol in this process, and returns the answers to the geometries.
    private func exchange(
        _ geometries: [SocketGeometry], at address: SocketAddress,
        _ evaluate: @escaping @Sendable (SocketGeometry) throws -> SocketForces
    ) throws -> [SocketForces] {
        let listener = try SocketListener(address)
        let met = listener.address
        let thread = Thread {
            guard let stream = try? SocketStream.connect(to: met, patience: .seconds(5)) else { return }
            _ = try? SocketForceServer(stream).run(evaluate)
        }
        thread.start()
        let driver = SocketDriver(try listener.accept(timeout: .seconds(10)))
        defer { driver.end() }
        return try geometries.map { try driver.evaluate($0) }
    }

    /// Returns an energy and forces that differ for each geometry.
    private static func harmonic(_ geometry: SocketGeometry) -> SocketForces {
        SocketForces(
            energy: 0.5 * geometry.positions.reduce(0) { $0 + $1 * $1 },
            forces: geometry.positions.map { -$0 }, virial: (1...9).map(Double.init))
    }

    @Test("numbers survive the conversion to atomic units and back", arguments: [true, false])
    func roundTrip(tcp: Bool) throws {
        let address = tcp ? SocketAddress.tcp(host: "127.0.0.1", port: 0) : try privateAddress()
        let cell: [Double] = [9, 0.5, 0, 0, 10, 0.25, 1, 0, 11]
        let geometries = [
            SocketGeometry(positions: [0.1, -2, 3, 4, 5, 6.5], cell: cell),
            SocketGeometry(positions: [1, 2, 3]),
        ]
        let answers = try exchange(geometries, at: address) { geometry in
            var forces = Self.harmonic(geometry)
            // The answer reports the cell's numbers as the engine received them, so that their order can be checked.
            forces.extra = Array(
                (geometry.cell ?? []).map { "\(($0 * 1e6).rounded())" }.joined(separator: " ").utf8)
            return forces
        }
        for (geometry, answer) in zip(geometries, answers) {
            let expected = Self.harmonic(geometry)
            #expect(abs(answer.energy - expected.energy) < 1e-10)
            #expect(zip(answer.forces, expected.forces).allSatisfy { abs($0 - $1) < 1e-10 })
            #expect(zip(answer.virial, expected.virial).allSatisfy { abs($0 - $1) < 1e-10 })
        }
        let seen = String(decoding: answers[0].extra, as: UTF8.self).split(separator: " ").compactMap {
            Double($0)
        }
        #expect(zip(seen, cell).allSatisfy { abs($0 / 1e6 - $1) < 1e-6 } && seen.count == 9)
        // The volume of the cell is 990 − 0.5·(0·11 − 0.25·1) Å³.
        let stress = try #require(answers[0].stress(in: cell))
        #expect(abs(stress[0] + 1 / 990.125) < 1e-9)
    }

    /// Returns the error that a driver reports if its peer answers with these bytes.
    private func fault(_ bytes: [UInt8], atoms: Int = 1) throws -> SocketEngineError? {
        let listener = try SocketListener(.tcp(host: "127.0.0.1", port: 0))
        guard case .tcp(_, let port) = listener.address else { return nil }
        // The peer is a script that does not speak the protocol: it writes the given bytes and then waits.
        let script =
            "import socket,sys,time;s=socket.create_connection(('127.0.0.1',\(port)));"
            + "s.sendall(bytes.fromhex(sys.argv[1]));s.shutdown(socket.SHUT_WR) if sys.argv[2]=='1' else None;"
            + "time.sleep(20)"
        let folder = try PrivateFolder.make("/tmp/aurelax-test-XXXXXX")
        let hex = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let process = try EngineProcess(
            ["python3", "-c", script, hex, bytes.isEmpty ? "1" : "0"],
            environment: ProcessInfo.processInfo.environment, folder: folder, log: folder.appending("log"))
        defer { process.end(grace: .zero) }
        var options = SocketDriver.Options()
        (options.evaluation, options.limits.transfer) = (.seconds(1), .seconds(1))
        let driver = SocketDriver(try listener.accept(timeout: .seconds(20)), options)
        do {
            _ = try driver.evaluate(SocketGeometry(positions: [Double](repeating: 0, count: 3 * atoms)))
            return nil
        } catch let error as SocketEngineError {
            return error
        }
    }

    private func message(_ text: String) -> [UInt8] {
        Array(text.utf8) + [UInt8](repeating: 32, count: 12 - text.utf8.count)
    }

    private func number(_ value: Double) -> [UInt8] { withUnsafeBytes(of: value, Array.init) }
    private func count(_ value: Int32) -> [UInt8] { withUnsafeBytes(of: value, Array.init) }

    @Test("garbage, silence, a closed connection, NaN and another number of atoms give different errors")
    func faults() throws {
        let begin = message("READY") + message("HAVEDATA") + message("FORCEREADY")
        #expect(try fault([]) == .closed(during: "the answer to STATUS"))
        #expect(
            try fault(Array("SSH-2.0-Open".utf8)) == .protocolViolation("‘SSH-2.0-Open’ is not a message"))
        #expect(try fault(message("READY")) == .timeout(waitingFor: "the answer to STATUS", seconds: 1))
        #expect(
            try fault(begin + number(1) + count(2)) == .atomCount(expected: 1, received: 2))
        #expect(try fault(begin + number(.nan)) == .notFinite("the energy"))
        #expect(
            try fault(begin + number(1) + count(1) + number(0) + number(.infinity) + number(0))
                == .notFinite("a force"))
        #expect(
            try fault(begin + number(1) + count(-1))
                == .protocolViolation("the number of atoms is -1, expected 0 to 1000000"))
        let whole =
            begin + number(1) + count(1) + number(0) + number(0) + number(0)
            + (0..<9).flatMap { _ in number(0) }
        #expect(
            try fault(whole + count(.max))
                == .protocolViolation("the size of the extra text is 2147483647, expected 0 to 16777216"))
    }

    @Test("an engine that does not connect is reported")
    func noConnection() throws {
        let listener = try SocketListener(privateAddress())
        #expect(throws: SocketEngineError.noConnection(seconds: 0.5)) {
            try listener.accept(timeout: .milliseconds(500))
        }
    }

    @Test("addresses are read as users write them")
    func addresses() throws {
        #expect(try SocketAddress(argument: "x") == .unix("/tmp/ipi_x"))
        #expect(try SocketAddress(argument: "./s") == .unix("./s"))
        #expect(try SocketAddress(argument: "localhost:31415") == .tcp(host: "127.0.0.1", port: 31415))
        #expect(throws: SocketEngineError.self) { try SocketAddress(argument: "example.org:80") }
        #expect(throws: SocketEngineError.self) { try SocketAddress(argument: "localhost:0") }
        #expect(throws: SocketEngineError.self) {
            try SocketAddress(argument: "/" + String(repeating: "x", count: 200))
        }
    }

    @Test("a process ends with its group, and its exit is reported")
    func processes() throws {
        let folder = try PrivateFolder.make("/tmp/aurelax-test-XXXXXX")
        let environment = ProcessInfo.processInfo.environment
        let sleeper = try EngineProcess(
            ["/bin/sh", "-c", "sleep 1000 & echo $! > child; wait"], environment: environment, folder: folder,
            log: folder.appending("log"))
        let file = URL(fileURLWithPath: folder.appending("child").string)
        var child: Int32?
        for _ in 0..<200 where child == nil {
            child = (try? String(contentsOf: file, encoding: .utf8)).flatMap {
                Int32($0.trimmingCharacters(in: .whitespacesAndNewlines))
            }
            Thread.sleep(forTimeInterval: 0.05)
        }
        let identifier = try #require(child)
        #expect(sleeper.ending == nil && kill(identifier, 0) == 0)
        sleeper.end(grace: .zero)
        #expect(sleeper.ending == "signal 9")
        // The process no longer exists, or is a zombie whose status its new parent has not collected yet.
        var isGone = false
        for _ in 0..<200 where !isGone {
            let state = try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8)
            isGone = state.map { $0.contains(") Z") } ?? true
            if !isGone { Thread.sleep(forTimeInterval: 0.05) }
        }
        #expect(isGone)

        let failing = try EngineProcess(
            ["/bin/sh", "-c", "echo no such basis >&2; exit 3"], environment: environment, folder: folder,
            log: folder.appending("other"))
        failing.waitForEnd(.seconds(20))
        #expect(
            throws: SocketEngineError.processEnded(status: "exit status 3", lastLines: ["no such basis"])
        ) { try failing.check() }
    }
}
