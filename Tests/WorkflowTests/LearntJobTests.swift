import Atomistics
import Foundation
import ModelLibrary
import Testing
import Workflow

/// Jobs whose learning relaxation starts from the gradients of another job.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["AURELAX_PYTHON"] != nil)) struct LearntJobTests {
    private let spool: TestSpool

    init() throws {
        spool = try TestSpool()
        try Data("aurelax: 1\ndft: {executor: local}\n".utf8).write(
            to: URL(fileURLWithPath: "\(spool.path)/aurelax.yaml"))
    }

    private func drop(
        _ name: String, _ atoms: Atoms, base: String, charge: Int = 0, engine: String = "tblite"
    ) throws {
        try spool.drop("\(name).xyz", String(decoding: ExtXYZ.bytes(of: [atoms]), as: UTF8.self))
        try spool.drop(
            "\(name).yaml",
            "aurelax: 1\nstructure: \(name).xyz\ncharge: \(charge)\nstages: "
                + "[{dft: {engine: \(engine), optimizer: learning, base: \"\(base)\"}}]\n")
    }

    private func work() async throws {
        var configuration = spool.configuration()
        configuration.python = ProcessInfo.processInfo.environment["AURELAX_PYTHON"] ?? "python3"
        configuration.program = TestProgram.aurelax
        try await Daemon(configuration, logger: TestSpool.quiet).run()
    }

    private func model(_ job: String) -> String {
        "\(spool.path)/outbox/\(job)/01-dft/result/learnt.aurelax-model"
    }

    private func calls(_ job: String) throws -> Int {
        let status = try spool.client.status(of: job)
        #expect(status.state == .completed, "\(job): \(status.reason)")
        return try ExtXYZ.read(path: "\(spool.path)/outbox/\(job)/01-dft/result/trajectory.extxyz").count
    }

    @Test("a job of the same composition that learns from an earlier one needs fewer gradients")
    func learnt() async throws {
        try drop("first", ring, base: "GFN2-xTB")
        try await work()
        let first = try calls("first")
        let known = try LearntRelaxation(contentsOf: model("first"))
        #expect(known.frames.count == first)
        #expect(known.base == "GFN2-xTB")
        #expect(known.levelOfTheory.contains("GFN1-xTB"))
        #expect(known.frames.map(\.formula).allSatisfy { $0 == "Au2H2S2" })
        #expect(throws: ModelLibraryError.notByItself(path: model("first"))) {
            try ModelLibrary(searchPath: []).load(model("first"))
        }
        #expect(
            try ModelLibrary(searchPath: []).describe(model("first")).description.contains("GFN2-xTB"))

        // The second structure has the same atoms in another order, rotated and distorted.
        let order = [2, 1, 5, 0, 3, 4]
        let second = Atoms(
            elements: order.map { ring.elements[$0] },
            positions: order.map { index in
                let p = ring.positions[index] * (index == 4 ? 1.04 : index == 1 ? 0.97 : 1)
                return SIMD3(p.z, p.x + 0.5, p.y)
            })
        try drop("alone", second, base: "GFN2-xTB")
        try drop("second", second, base: "learnt:first")
        try drop("charged", second, base: "learnt:first", charge: 2)
        try drop("level", second, base: "learnt:first", engine: "gpaw")
        try drop(
            "other", Atoms(elements: [.hydrogen, .hydrogen], positions: [[0, 0, 0], [0, 0, 0.8]]),
            base: "learnt:first")
        try await work()
        let (alone, taught) = (try calls("alone"), try calls("second"))
        #expect(taught < alone, "\(taught) gradients, \(alone) without what the first job learnt")
        #expect(try LearntRelaxation(contentsOf: model("second")).frames.count == first + taught)
        for (job, reason) in [
            (
                "other",
                "base: learnt:first needs a job of the same composition; first has Au2H2S2, this job H2"
            ),
            (
                "level",
                "gradients cannot be learnt from. Give both jobs the same settings, or this job another base"
            ),
            (
                "charged",
                "base: learnt:first needs a job of the same charge; first has charge 0, this job 2"
            ),
        ] {
            let status = try spool.client.status(of: job)
            #expect(status.state == .failed && status.reason.contains(reason), "\(job): \(status.reason)")
        }
    }
}

/// (AuSH)2 with a geometry that was only guessed.
private let ring = Atoms(
    elements: "Au Au S S H H".split(separator: " ").compactMap { Element(symbol: String($0)) },
    positions: [
        [1.6, 0, 0], [-1.6, 0, 0], [0, 1.9, 0.2], [0, -1.9, 0.2], [0.3, 2.4, 1.45], [-0.3, -2.4, 1.45],
    ])
