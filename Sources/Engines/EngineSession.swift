import Atomistics
import Foundation
import SocketEngine
import SystemPackage

/// A running engine with its private folder and its connection.
final class EngineSession: Sendable {
    let identity: EngineIdentity
    private let folder: FilePath
    private let process: EngineProcess
    private let link: Link
    private let vacuum: Double?
    private let timeout: Duration

    /// Data that is known only after the first geometry. Only one thread at a time uses a session, because
    /// ``EngineForceField`` holds a lock.
    private final class Link: @unchecked Sendable {
        var stream: SocketStream
        var driver: SocketDriver?
        var symbols: [String]?
        /// For a molecule in a box: the lengths of the box's edges, Å, and the position of its corner, Å.
        var box: (lengths: SIMD3<Double>, corner: SIMD3<Double>)?
        /// For a periodic structure: the cell as the caller gave it, and the cell that the engine uses.
        var cell: (given: Cell?, periodicity: Periodicity, used: Cell)?

        init(_ stream: SocketStream) { self.stream = stream }
    }

    var symbols: [String]? { link.symbols }

    /// Starts Python with an ASE calculator.
    init(calculator description: EngineDescription, python: String) throws {
        guard case .calculator(let target, let arguments) = description.source else {
            preconditionFailure("the description must be of a calculator")
        }
        folder = try EngineFolder.make()
        var made: EngineProcess?
        do {
            let request: [String: Any] = [
                "ase": target, "arguments": try JSONSerialization.jsonObject(with: Data(arguments.utf8)),
                "charge": description.passing.map { $0.rawValue as Any } ?? NSNull(),
                "level_of_theory": description.levelOfTheory.map { $0 as Any } ?? NSNull(),
            ]
            try JSONSerialization.data(withJSONObject: request).write(
                to: EngineFolder.url(folder, "request.json"))
            try Data(PackageResources.engine_peer_py).write(to: EngineFolder.url(folder, "engine_peer.py"))
            let listener = try SocketListener(.unix(folder.appending("socket")))
            let process = try EngineProcess(
                [python, folder.appending("engine_peer.py").string, folder.string],
                environment: EngineFolder.environment(threads: description.threads), folder: folder,
                log: folder.appending("log"))
            made = process
            let place = folder
            let stream = try listener.accept(timeout: EngineForceField.startLimit) {
                if let failure = EngineFolder.failure(in: place) { throw failure }
                try process.check()
                return false
            }
            identity = try EngineIdentity(
                json: Data(contentsOf: EngineFolder.url(folder, "identity.json")), description)
            (self.process, link) = (process, Link(stream))
            (vacuum, timeout) = (description.vacuum, .seconds(description.timeout))
        } catch {
            let told = EngineFolder.failure(in: folder)
            made?.end(grace: .zero)
            EngineFolder.remove(folder)
            throw told ?? error
        }
    }

    /// Starts a program that connects to the socket without ASE.
    init(
        command: [String], input: String?, _ description: EngineDescription, _ atoms: Atoms, charge: Int,
        multiplicity: Int
    ) throws {
        folder = try EngineFolder.make()
        var made: EngineProcess?
        do {
            identity = try EngineIdentity(command: description)
            let template = try input.map { try String(contentsOfFile: $0, encoding: .utf8) } ?? ""
            let told = template + command.joined(separator: " ")
            let name = "aurelax-" + folder.string.suffix(6)
            let listener =
                told.contains("{port}")
                ? try SocketListener(.tcp(host: "127.0.0.1", port: 0))
                : try SocketListener(
                    .unix(
                        told.contains("{name}")
                            ? FilePath(SocketAddress.prefix + name) : folder.appending("socket")))
            let box =
                atoms.periodicity.isPeriodic
                ? nil : description.vacuum.map { EngineSession.box(atoms, vacuum: $0) }
            let cell = try atoms.engineCell()
            if let cell, cell.isSkewed, !told.contains("{cell}") {
                throw EngineFailure(
                    description:
                        "the cell is not right-angled, and the input of the engine \(description.name) has no {cell} for its three vectors"
                )
            }
            let lengths =
                cell.map { SIMD3($0.a.length, $0.b.length, $0.c.length) } ?? box?.lengths ?? .zero
            var values = [
                "host": "127.0.0.1", "socket": folder.appending("socket").string, "name": name,
                "structure": folder.appending("structure.xyz").string, "charge": "\(charge)",
                "multiplicity": "\(multiplicity)", "a": "\(lengths.x)", "b": "\(lengths.y)",
                "c": "\(lengths.z)",
                "input": folder.appending("input").string,
            ]
            if case .tcp(_, let port) = listener.address { values["port"] = "\(port)" }
            values["cell"] = (cell.map { [$0.a, $0.b, $0.c] } ?? []).map { "\($0.x) \($0.y) \($0.z)\n" }
                .joined()
            let corner = box?.corner ?? .zero
            let lines = zip(atoms.elements, atoms.positions).map { element, place in
                let shifted = place - corner
                return "\(element.symbol) \(shifted.x) \(shifted.y) \(shifted.z)\n"
            }
            var elements: [Element] = []
            for element in atoms.elements where !elements.contains(element) { elements.append(element) }
            values["natoms"] = "\(atoms.count)"
            values["nspecies"] = "\(elements.count)"
            values["positions"] = lines.joined()
            values["species"] = elements.map { element in
                Self.filled(
                    description.species ?? "{symbol} {mass}",
                    [
                        "symbol": element.symbol, "mass": "\(element.mass)",
                        "number": "\(element.atomicNumber)",
                    ])
                    + "\n"
            }.joined()
            try Data("\(atoms.count)\n\n\(lines.joined())".utf8).write(
                to: EngineFolder.url(folder, "structure.xyz"))
            try Data(Self.filled(template, values).utf8).write(to: EngineFolder.url(folder, "input"))
            let process = try EngineProcess(
                command.map { Self.filled($0, values) },
                environment: EngineFolder.environment(threads: description.threads), folder: folder,
                log: folder.appending("log"))
            made = process
            let stream = try listener.accept(timeout: EngineForceField.startLimit) {
                try process.check()
                return false
            }
            (self.process, link) = (process, Link(stream))
            (vacuum, timeout) = (description.vacuum, .seconds(description.timeout))
            link.box = box
        } catch {
            made?.end(grace: .zero)
            EngineFolder.remove(folder)
            throw error
        }
    }

    /// Returns the text in which each `{word}` of a known word is replaced by its value; other braces stay.
    private static func filled(_ text: String, _ values: [String: String]) -> String {
        values.reduce(text) { $0.replacingOccurrences(of: "{\($1.key)}", with: $1.value) }
    }

    private static func box(_ atoms: Atoms, vacuum: Double) -> (lengths: SIMD3<Double>, corner: SIMD3<Double>)
    {
        var (low, high) = (atoms.positions.first ?? .zero, atoms.positions.first ?? .zero)
        for place in atoms.positions {
            low = SIMD3(min(low.x, place.x), min(low.y, place.y), min(low.z, place.z))
            high = SIMD3(max(high.x, place.x), max(high.y, place.y), max(high.z, place.z))
        }
        let margin = SIMD3(repeating: vacuum)
        return (high - low + 2 * margin, low - margin)
    }

    func evaluate(_ atoms: Atoms, charge: Int, multiplicity: Int?) throws -> SocketForces {
        if link.driver == nil {
            let symbols = atoms.elements.map(\.symbol)
            var options = SocketDriver.Options()
            options.evaluation = timeout
            options.initialization = Array(
                try JSONSerialization.data(withJSONObject: [
                    "symbols": symbols, "charge": charge,
                    "multiplicity": multiplicity.map { $0 as Any } ?? NSNull(),
                ]))
            link.driver = SocketDriver(link.stream, options)
            link.symbols = symbols
            if let vacuum, link.box == nil, !atoms.periodicity.isPeriodic {
                link.box = Self.box(atoms, vacuum: vacuum)
            }
        }
        var cell: [Double]?
        if link.cell?.given != atoms.cell || link.cell?.periodicity != atoms.periodicity {
            link.cell = try atoms.engineCell().map { (atoms.cell, atoms.periodicity, $0) }
        }
        if let own = link.cell?.used {
            cell = [own.a, own.b, own.c].flatMap { [$0.x, $0.y, $0.z] }
        } else if let lengths = link.box?.lengths {
            cell = [lengths.x, 0, 0, 0, lengths.y, 0, 0, 0, lengths.z]
        }
        let corner = link.box?.corner ?? .zero
        let positions = atoms.positions.flatMap { [$0.x - corner.x, $0.y - corner.y, $0.z - corner.z] }
        do {
            guard let driver = link.driver else { preconditionFailure("the driver was made above") }
            return try driver.evaluate(SocketGeometry(positions: positions, cell: cell))
        } catch SocketEngineError.closed(let what) {
            // The error of a dead process is more informative than that of its socket.
            process.waitForEnd(.seconds(2))
            try process.check()
            throw SocketEngineError.closed(during: what)
        }
    }

    /// Ends the process group and removes the folder.
    ///
    /// - Parameter failed: whether the connection has already failed.
    func end(failed: Bool) {
        if !failed {
            link.driver?.end()
            process.waitForEnd(.seconds(2))
        }
        process.end(grace: failed ? .zero : .seconds(2))
        EngineFolder.remove(folder)
    }

    deinit { end(failed: false) }
}

/// The private folder of a session (0700).
enum EngineFolder {
    static func make() throws -> FilePath {
        let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        return try PrivateFolder.make(parent + "/aurelax-engine-XXXXXX")
    }

    static func url(_ folder: FilePath, _ name: String) -> URL {
        URL(fileURLWithPath: folder.string).appendingPathComponent(name)
    }

    static func remove(_ folder: FilePath) { try? FileManager.default.removeItem(atPath: folder.string) }

    /// Returns the reason why the Python script could not make the calculator, from its `failure.json`; nil if there is
    /// none.
    static func failure(in folder: FilePath) -> EngineFailure? {
        struct Told: Decodable { var message: String }
        guard let data = try? Data(contentsOf: url(folder, "failure.json")),
            let told = try? JSONDecoder().decode(Told.self, from: data)
        else { return nil }
        return EngineFailure(description: told.message)
    }

    /// Returns the environment for an engine: this program's, with the number of threads for the engine.
    static func environment(threads: Int?) -> [String: String] {
        var environment = ProcessInfo.processInfo.environment
        environment["PYTHONUNBUFFERED"] = "1"
        if let threads {
            for name in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"] {
                environment[name] = "\(threads)"
            }
        }
        return environment
    }
}

/// The reason why an engine could not be started.
struct EngineFailure: Error, CustomStringConvertible {
    let description: String
}
