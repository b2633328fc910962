import ArgumentParser
import Atomistics
import Foundation
import ModelLibrary
import Subprocess
import SystemPackage

/// One line of the table: our measurement and a peer's.
struct Row {
    let what: String
    let ours: String
    let peer: String
    /// The ratio of the peer's time to ours; empty without a peer.
    let ratio: String

    init(_ what: String, ours: String, peer: String = "", ratio: Double? = nil) {
        (self.what, self.ours, self.peer) = (what, ours, peer)
        self.ratio = ratio.map { String(format: $0 < 10 ? "%.2f" : "%.0f", $0) } ?? ""
    }

    init(_ what: String, _ ours: Measurement, _ name: String, _ peer: Measurement) {
        self.init(
            what, ours: time(ours.best), peer: "\(name): \(time(peer.best))", ratio: peer.best / ours.best)
    }

    var text: String { "| \(what) | \(ours) | \(peer) | \(ratio) |" }
}

struct Compare: AsyncParsableCommand {
    enum Part: String, CaseIterable, ExpressibleByArgument {
        case soap, forces, reading, training, fullSize = "full-size", drift, learning
    }

    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Measure everything and print the table (best of the repetitions).")

    @Option(help: "Measure this part only; may be given several times.")
    var part: [Part] = []
    @Option(help: "Folder for working files, kept for the next run.")
    var keep = ".build/bench"

    func run() async throws {
        let bench = try Bench(folder: keep)
        try await printTable(bench)
    }

    private func printTable(_ bench: Bench) async throws {
        print("| what | aurelax | peer | times faster |\n|---|---|---|---|")
        let parts = part.isEmpty ? Part.allCases : part
        for part in Part.allCases where parts.contains(part) {
            switch part {
            case .soap: try await soap(bench)
            case .forces: try await forces(bench)
            case .reading: try await reading(bench)
            case .training: try await training(bench)
            case .fullSize: try await fullSize(bench)
            case .drift: try await drift(bench)
            case .learning: try await learning(bench)
            }
        }
    }

    private func learning(_ bench: Bench) async throws {
        for copies in [1, 3] {
            let fit = try await bench.measure("learning", [bench.clusterFrames, "\(copies)"])
            let notes = fit.notes ?? [:]
            let (atoms, steps) = (Int(notes["atoms"] ?? 0), notes["steps"] ?? 0)
            show(
                Row(
                    "learning relaxation of \(atoms) atoms: the fit to 20 gradients",
                    ours: "\(time(fit.best)), \(memory(fit))"))
            show(
                Row(
                    "an inner step of it (one of \(Int(steps)))",
                    ours: time((notes["proposal"] ?? 0) / max(steps, 1))))
        }
    }

    private func show(_ row: Row) { print(row.text) }

    private func soap(_ bench: Bench) async throws {
        for cores in [1, 2] {
            let ours = try await bench.measure("soap", [bench.cluster], repeats: 30, cores: cores)
            let theirs = try await bench.python(
                "time_soap.py", [bench.cluster, "20", "\(cores)"], cores: cores)
            show(
                Row(
                    "SOAP of 158 atoms (r_cut 4, n_max 7, l_max 4), \(cores) core\(cores > 1 ? "s" : "")",
                    ours, "DScribe 2.1.2", theirs))
        }
    }

    private func forces(_ bench: Bench) async throws {
        let xtb = try await bench.xtb(repeats: 2)
        let tblite = try await bench.python("time_tblite.py", [bench.cluster, "2"])
        for model in ["thiolate-gold", "thiolate-gold-oamlm"] {
            let ours = try await bench.measure("forces", [model, bench.cluster], repeats: 40)
            show(Row("forces on Au38(SCH3)24, \(model)", ours, "xtb 6.5.1 (Debian), GFN1 gradient", xtb))
            show(Row("the same", ours, "tblite 0.8.0, GFN1 gradient", tblite))
            let loading = try await bench.measure("load", [model], repeats: 20)
            show(Row("loading \(model)", ours: time(loading.best)))
        }
    }

    private func reading(_ bench: Bench) async throws {
        let file = try bench.largeFrame()
        let ours = try await bench.measure("read", [file], repeats: 3)
        let theirs = try await bench.python("time_read.py", [file, "3"])
        show(Row("reading an extxyz frame of 200,000 atoms", ours, "libAtoms extxyz 0.4.6", theirs))
    }

    private func training(_ bench: Bench) async throws {
        let ours = try await bench.measure("train-potential", [bench.clusterFrames, bench.ringFrames])
        show(
            Row(
                "training the potential on 90 cluster and 90 ring frames, then on all 200",
                ours: "\(time(ours.best)), \(memory(ours))"))
    }

    private func fullSize(_ bench: Bench) async throws {
        let model = bench.folder + "/full-size." + ModelLibrary.fileExtension
        let trained = try await bench.measure("train-full-size", [bench.clusterFrames, model])
        show(
            Row(
                "training learning machines of full size: 2000 frames of the cluster, 5000 and 2500 references",
                ours: "\(time(trained.best)), \(memory(trained))"))
        let loading = try await bench.measure("load", [model], repeats: 20)
        show(Row("loading them (\(try size(of: model)))", ours: "\(time(loading.best)), \(memory(loading))"))
        let xtb = try await bench.xtb(repeats: 2)
        let forces = try await bench.measure("forces", [model, bench.cluster], repeats: 20)
        show(Row("forces on Au38(SCH3)24 by them", forces, "xtb 6.5.1 (Debian), GFN1 gradient", xtb))
        let products = try await bench.measure("products", [model, bench.cluster], repeats: 20)
        let operations = (products.notes?["operations"] ?? .nan) / 1e9
        show(
            Row(
                String(format: "of that, the matrix products alone (%.1f GFLOP)", operations),
                ours: time(products.best) + String(format: ", %.0f GFLOP/s", operations / products.best)))
    }

    private func size(of path: String) throws -> String {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return String(format: "%.0f MB", Double(attributes[.size] as? Int ?? 0) / 1e6)
    }

    private func drift(_ bench: Bench) async throws {
        let path = "models/thiolate-gold/thiolate-gold.aurelax-model"
        for (name, file) in [("(AuSCH3)4", bench.ringFrames), ("Au38(SCH3)24", bench.clusterFrames)] {
            let notes = try await bench.measure("drift", [path, file]).notes ?? [:]
            show(
                Row(
                    "energy drift of \(name), NVE, 0.5 fs, 2 ps, \(Int(notes["temperature"] ?? 0)) K",
                    ours: String(
                        format: "%.1e eV per atom and ps (fluctuation %.1e eV per atom)",
                        notes["drift"] ?? .nan, notes["fluctuation"] ?? .nan)))
        }
    }

    private func memory(_ measurement: Measurement) -> String {
        String(format: "%.1f GB at most", Double(measurement.peakMemory ?? 0) / 1e9)
    }
}
