import Atomistics
import DurableFiles
import Foundation
import Handoff
import JobSpec
import OrderedCollections
import SystemPackage
import Testing

/// Periodic structures in packages and results.
@Suite struct SlabTests {
    /// Two atoms in a cell that repeats along two directions: a hydrogen atom above a square layer of aluminium, which
    /// is fixed.
    static let slab: Atoms = {
        var atoms = Atoms(
            elements: [Element(symbol: "Al"), .hydrogen].compactMap { $0 },
            positions: [[0.2, 0, 5], [0.2, 0, 6.8]])
        atoms.cell = Cell([2.86, 0, 0], [0, 2.86, 0], [0, 0, 9])
        atoms.periodicity = Periodicity(true, true, false)
        return atoms
    }()

    static func settings(_ change: (inout DFTStage) -> Void = { _ in }) -> DFTStage {
        Samples.settings {
            $0.gpaw = GPAWSettings()
            $0.gpaw?.kpts = .init(size: [2, 2, 1])
            change(&$0)
        }
    }

    private func package(
        _ settings: DFTStage = SlabTests.settings(), _ change: (inout HandoffRequest) -> Void = { _ in }
    ) throws -> HandoffPackage {
        try HandoffPackage(
            Samples.request(Self.slab, settings: settings) {
                $0.movable = [false, true]
                change(&$0)
            })
    }

    @Test("the package has the cell, k-points and a dipole correction, and the level of theory says so")
    func handedOver() throws {
        let package = try package()
        let initial = try #require(package.text("initial.extxyz"))
        #expect(initial.contains("pbc=\"T T F\"") && initial.contains("Lattice=\"2.86 0"))
        let parameters = try #require(package.text("parameters.json"))
        #expect(parameters.contains("\"pbc\" : \"TTF\"") && parameters.contains("\"dipolelayer\" : \"xy\""))
        let readme = try #require(package.text("README.md"))
        #expect(
            readme.contains(
                " PBE LCAO dzp h=0.2A FermiDirac 0.05eV kpts 2x2x1 periodic TTF dipole=xy`"), "\(readme)")
        let standard = try self.package(Samples.settings())
        #expect(
            try #require(standard.text("README.md")).contains("kpts density=2.5 gamma periodic TTF dipole=xy")
        )
        let without = try self.package(
            Self.settings {
                $0.gpaw?.poissonsolver = .init()
                $0.gpaw?.poissonsolver?.dipolelayer = "none"
            })
        #expect(try #require(without.text("README.md")).contains("kpts 2x2x1 periodic TTF`"))
        let keywords = try #require(without.text("parameters.json"))
        #expect(!keywords.contains("dipolelayer"))
        // The cell has 14 electrons, and half of it would have 7. So the number does not determine the spin of a
        // periodic structure.
        #expect(!parameters.contains("\"spin\""))
    }

    @Test("a charged cell and a cell without volume are refused")
    func refused() throws {
        #expect {
            try package { $0.charge = 1 }
        } throws: {
            ($0 as? HandoffRefusal)?.reasons == [.chargedCell(1)]
        }
        #expect(throws: HandoffRefusal.self) { try package { $0.atoms.cell?.c = .zero } }
    }

    private func result(
        _ change: (inout Atoms) -> Void
    ) throws -> ReturnedResult {
        let package = try package()
        var sample = ResultSample(of: package)
        let level = package.expectation.parameters.gpaw?.level ?? ""
        sample.status["level_of_theory"] = .string("GPAW 26.7.0" + level)
        for i in sample.frames.indices {
            // The lower atom is fixed, so it keeps its position.
            sample.frames[i].positions[0] = Self.slab.positions[0]
            (sample.frames[i].cell, sample.frames[i].periodicity) = (Self.slab.cell, Self.slab.periodicity)
            sample.frames[i].levelOfTheory = "GPAW 26.7.0" + level
            change(&sample.frames[i])
        }
        return try ReturnedResult(try sample.files, expecting: package.expectation)
    }

    @Test("a result may be wrapped into the cell; one in another cell is refused")
    func returned() throws {
        let final = try #require(try result { _ in }.final)
        #expect(final.periodicity == Periodicity(true, true, false))
        let wrapped = try result { $0.positions[0] += [2.86, -2.86, 0] }
        #expect(wrapped.isConverged)
        #expect(throws: ResultRefusal.otherCell(file: "trajectory.extxyz", frame: 0)) {
            try result { $0.cell?.a.x = 2.9 }
        }
        #expect(throws: ResultRefusal.otherCell(file: "trajectory.extxyz", frame: 0)) {
            try result { ($0.cell, $0.periodicity) = (nil, .none) }
        }
    }

    @Test("a dropped file may be wrapped; its atoms are returned near where they were sent")
    func dropped() throws {
        let package = try package()
        var atoms = Self.slab
        atoms.energy = -10
        atoms.forces = [[0, 0, 0.5], [0, 0, 0.01]]
        atoms.positions = [[3.06, 0, 5], [3.06, 2.86, 6.85]]
        let result = try ReturnedResult(
            dropped: ExtXYZ.bytes(of: [atoms]), named: "a.result.extxyz", expecting: package.expectation)
        let final = try #require(result.final)
        #expect(result.isConverged && final.cell == Self.slab.cell)
        #expect((final.positions[1] - final.positions[0]).length < 2)
        atoms.cell?.b.y = 3
        #expect(throws: ResultRefusal.otherCell(file: "a.result.extxyz", frame: 0)) {
            try ReturnedResult(
                dropped: ExtXYZ.bytes(of: [atoms]), named: "a.result.extxyz", expecting: package.expectation)
        }
    }

    @Test("single points in several cells are refused")
    func singlePoints() throws {
        var other = Self.slab
        other.cell?.a.x = 3
        let request = SinglePointsRequest(
            job: "s", stage: 1, attempt: 1, frames: [Self.slab, other], steps: [0, 4],
            settings: Self.settings(), charge: 0, origin: GeometryOrigin(description: "path"))
        #expect {
            try SinglePointsPackage(request)
        } throws: {
            ($0 as? HandoffRefusal)?.reasons == [.otherCell(step: 4)]
        }
    }
}

/// Real GPAW runs with a slab. They are slow, so they run only on request.
@Suite(.enabled(if: Engines.runsSlowTests), .serialized) struct SlabRunTests {
    @Test(
        "a slab with its lower atom fixed takes a step in a package of GPAW",
        arguments: [DFTStage.Mode.lcao, .fd, .pw])
    func step(mode: DFTStage.Mode) async throws {
        let scratch = try Scratch()
        let settings = SlabTests.settings {
            ($0.mode, $0.basis, $0.h, $0.cutoff, $0.vacuum) = (mode, "sz(dzp)", 0.25, 200, 4.5)
            ($0.maxSteps, $0.maxStep) = (1, 0.02)
        }
        let package = try HandoffPackage(
            Samples.request(SlabTests.slab, settings: settings) { $0.movable = [false, true] })
        let directory = try scratch.publish(package, as: "01-dft")
        _ = try await Engines.runner(ranks: 1).run(directory)
        let files = try #require(try ReturnedFile.read(from: try directory.subdirectory("result")))
        let result = try ReturnedResult(files, expecting: package.expectation)
        #expect([.converged, .stepLimit].contains(result.verdict), "\(result.message)")
        let final = try #require(result.final)
        #expect(final.cell == SlabTests.slab.cell && final.positions[0] == SlabTests.slab.positions[0])
        #expect(try #require(final.levelOfTheory).hasSuffix("kpts 2x2x1 periodic TTF dipole=xy"))
        #expect(result.notes.contains { $0.contains("Å of empty space") }, "\(result.notes)")
        #expect(final.info["dipole"] == nil)
    }
}
