import Atomistics
import Foundation
import OrderedCollections
import Reports
import Testing

@Suite struct ComparisonTests {
    private static let level = "PBE"

    private static func log(_ energies: [Double], from first: Int = 0) -> OptimizerCurve {
        OptimizerCurve(
            energies.enumerated().map { step, energy in
                "BFGS: \(step + first) 12:00:0\(step) \(energy) \(1 / Double(step + 1))"
            }.joined(separator: "\n"))
    }

    private static func atoms(
        _ shift: Double, step: Int = 0, energy: Double? = nil, forces: [SIMD3<Double>]? = nil,
        fixed: Int? = nil
    ) -> Atoms {
        var atoms = Atoms(
            elements: [.gold, .sulfur, .gold, .hydrogen],
            positions: [[0, 0, 0], [2.3 + shift, 0, 0], [4.6, 0, 0], [2.3, 1.3 + 9 * shift, 0]])
        atoms.info["step"] = .integer(step)
        if let energy { atoms.info["energy"] = .real(energy) }
        if let forces { atoms.columns["forces"] = Column(vectors: forces) }
        if let fixed { atoms.moveMask = (0..<4).map { $0 != fixed } }
        return atoms
    }

    /// Returns a job that has only a DFT stage, of two steps.
    private static func raw(fixed: Int? = nil) -> ComparedJob {
        var job = ComparedJob(name: "raw")
        job.given = atoms(1, fixed: fixed)
        var dft = ComparedJob.Stage(kind: .dft)
        (dft.method, dft.levelOfTheory) = ("GPAW", level)
        dft.curve = log([-10, -11, -12])
        (dft.gradientCalls, dft.scfCycles) = (3, 30)
        dft.frames = [atoms(0, step: 2, fixed: fixed)]
        job.stages = [dft]
        job.state = "completed"
        return job
    }

    /// Returns a job with an ML stage of five steps, single points along its path, and a DFT stage of one step.
    private static func prepared() -> ComparedJob {
        var job = ComparedJob(name: "prepared")
        job.given = atoms(1)
        var ml = ComparedJob.Stage(kind: .ml)
        ml.method = "some-model"
        ml.curve = log([-500, -501, -502, -503, -504, -505])
        ml.frames = [atoms(1), atoms(0.5, step: 3), atoms(0.1, step: 5)]
        var points = ComparedJob.Stage(kind: .singlePoints)
        points.levelOfTheory = level
        points.frames = [
            atoms(1, energy: -10), atoms(0.5, step: 3), atoms(0.1, step: 5, energy: -11.5),
        ]
        var dft = ComparedJob.Stage(kind: .dft)
        (dft.method, dft.levelOfTheory) = ("GPAW", level)
        dft.curve = log([-11.5, -12.25])
        (dft.gradientCalls, dft.scfCycles) = (2, nil)
        dft.frames = [atoms(-0.1, step: 1)]
        job.stages = [ml, points, dft]
        job.state = "completed"
        return job
    }

    @Test("Rows count the cost of DFT and compare only its energies") func rows() throws {
        let comparison = try Comparison([Self.raw(), Self.prepared()], rmsdTo: Self.raw().final)
        #expect(comparison.levelOfTheory == Self.level && comparison.reference == -12)
        let rows = comparison.rows
        #expect(rows.map(\.steps) == [2, 1] && rows.map(\.gradientCalls) == [3, 2])
        #expect(rows.map(\.scfCycles) == [30, nil])
        #expect(rows.map(\.difference) == [0, -0.25])
        #expect(rows.map(\.prepared) == ["", "5 steps of some-model"])
        #expect(try #require(rows[0].rmsd) < 1e-9)
        // The RMSD ignores hydrogen, which is displaced by 0.9 Å, so only sulfur contributes.
        let rmsd = try #require(rows[1].rmsd)
        #expect(rmsd > 0.04 && rmsd < 0.06)
        #expect(
            comparison.table.contains(
                "| prepared | 5 steps of some-model | 1 | 2 | – | -12.2500 | -0.2500 | 0.500 | 0.047 |"))
        #expect(!comparison.table.contains("-505"))
    }

    @Test("A model's path is drawn by its single points and continues with DFT") func paths() throws {
        let figures = try Comparison([Self.raw(), Self.prepared()], rmsdTo: Self.raw().final).figures
        #expect(figures.map(\.name) == ["energy", "rmsd", "structures"])
        let energy = try #require(figures.first).svg
        #expect(energy.contains("prepared, model") && energy.contains("stroke-dasharray"))
        // Two single points have an energy, the first job has three DFT geometries, the second one two.
        #expect(energy.components(separatedBy: "<circle").count - 1 == 7)
        // A model's energies are not drawn, because they would need another axis.
        #expect(!energy.contains(">-400") && !energy.contains(">-490"))
        #expect(figures[2].svg.components(separatedBy: "<circle").count - 1 == 12)
    }

    @Test("Deviations are measured in the frame of the fixed atoms") func fixedFrame() throws {
        var moved = Self.raw(fixed: 0)
        moved.name = "moved"
        // A package may shift the whole structure.
        for i in 0..<4 { moved.stages[0].frames[0].positions[i] += [7, 7, 7] }
        moved.stages[0].frames[0].positions[2].y += 0.3
        let rows = try Comparison([Self.raw(fixed: 0), moved], rmsdTo: Self.raw().final).rows
        // Of the two moving atoms that are not hydrogen, one is displaced by 0.3 Å.
        #expect(abs(try #require(rows[1].rmsd) - 0.3 / 2.0.squareRoot()) < 1e-12)
    }

    @Test("A job of single points ends with their last forces") func singlePointsOnly() throws {
        var job = Self.prepared()
        job.stages.removeLast()
        job.stages[1].frames[2].columns["forces"] = Column(vectors: [
            [0, 0, 0], [3, 4, 0], [0, 0, 0], [0, 0, 1],
        ])
        let row = try #require(try Comparison([Self.raw(), job]).rows.last)
        #expect(row.energy == -11.5 && row.fmax == 5 && row.steps == 0 && row.gradientCalls == nil)
    }

    @Test("Jobs that cannot be compared are reported") func incomparable() throws {
        var ml = Self.prepared()
        ml.stages = [ml.stages[0]]
        #expect(throws: ComparisonError.noJobs) { try Comparison([]) }
        #expect(throws: ComparisonError.noEnergy("prepared")) { try Comparison([ml, Self.raw()]) }
        var other = Self.raw()
        other.given?.elements[0] = .sulfur
        #expect(throws: ComparisonError.self) { try Comparison([Self.raw(), other]) }
        // A job without DFT has a row without numbers and states the reason.
        (ml.state, ml.verdict) = ("failed", "torn")
        let comparison = try Comparison([Self.raw(), ml])
        #expect(comparison.rows[1].energy == nil && comparison.table.hasSuffix("- prepared: torn\n"))
    }
}
