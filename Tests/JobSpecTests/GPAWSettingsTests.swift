import Atomistics
import Foundation
import JobSpec
import Testing
import YAMLDocument

/// The settings under `gpaw:` in a stage.
@Suite struct GPAWSettingsTests {
    private func job(_ stage: String, charge: Int = 0) -> JobFile {
        file("aurelax: 1\nname: j\nstructure: s.xyz\ncharge: \(charge)\nstages:\n  - dft: \(stage)\n")
    }

    private func report(_ stage: String, charge: Int = 0, _ atoms: Atoms) -> String {
        let file = job(stage, charge: charge)
        return file.job == nil ? file.report : file.report(file.problems(with: atoms))
    }

    private static let hydroxyl = Atoms(
        elements: [Element(atomicNumber: 8), .hydrogen].compactMap { $0 },
        positions: [[0, 0, 0], [0, 0, 0.98]])
    private static let water = Atoms(
        elements: [Element(atomicNumber: 8), .hydrogen, .hydrogen].compactMap { $0 },
        positions: [[0, 0, 0], [0, 0.76, 0.59], [0, -0.76, 0.59]])

    @Test("k-points and charge are compared with the cell")
    func cell() {
        let kpts = "{gpaw: {kpts: [2, 2, 1]}}"
        #expect(report(kpts, Self.water).contains("k-points are given, but the structure is not periodic"))
        var slab = Atoms(elements: [.gold, .hydrogen], positions: [[0, 0, 4], [0, 0, 5.8]])
        (slab.cell, slab.periodicity) = (
            Cell([2.9, 0, 0], [1.45, 2.51, 0], [0, 0, 16]), Periodicity(true, true, false)
        )
        #expect(!report(kpts, slab).contains("error"))
        #expect(report("{}", slab).contains("a density of 2.5 points per 1/Å, Γ included"))
        #expect(report("{gpaw: {kpts: {density: 3}}}", slab) == "")
        #expect(report("{gpaw: {kpts: [2, 2, 2]}}", slab).contains("give 1 for that direction (pbc is TTF)"))
        #expect(report(kpts, charge: 1, slab).contains("no well-defined energy"))
        #expect(report("{vacuum: 9, \(kpts.dropFirst())", slab).contains("14.2 Å of empty space"))
        #expect(
            report("{gpaw: {kpts: [2, 2, 1], poissonsolver: {dipolelayer: xz}}}", slab)
                .contains("a dipole correction in the plane xz"))
    }

    @Test("every key is read, and written so that it is read again")
    func everyKeyIsReadAndWritten() throws {
        let read = job(
            """
            {mode: fd, gpaw: {spin: {moments: {Fe: 2.5, S: -0.5}},
                  occupations: {kind: methfessel-paxton, order: 1, width: 0.1, fixed_moment: true},
                  nbands: 150%, mixer: {backend: pulay, method: sum, beta: 0.1, nmaxold: 5, weight: 50},
                  eigensolver: {name: davidson, niter: 3}, maxiter: 300,
                  convergence: {energy: 0.0001, density: 1.0e-5, eigenstates: 1.0e-8, forces: 0.01, bands: -2},
                  poissonsolver: {name: fast, nn: 3, eps: 1.0e-8, dipolelayer: xy}, setups: {Pt: "16", default: paw},
                  symmetry: on, parallel: {domain: 4, band: 1, kpt: 2, augment_grids: true, sl_auto: false},
                  dispersion: D4, kpts: {density: 3.5, gamma: false}}}
            """)
        #expect(read.report == "")
        let job = try #require(read.job)
        guard case .dft(let stage) = job.stages[0], let gpaw = stage.gpaw else {
            Issue.record("\(job.stages)")
            return
        }
        #expect(gpaw.spin == .elementMoments(["Fe": 2.5, "S": -0.5]))
        #expect(gpaw.occupations?.kind == .methfesselPaxton && gpaw.occupations?.order == 1)
        #expect(
            gpaw.nbands == "150%" && gpaw.maxiter == 300 && gpaw.symmetry == true && gpaw.dispersion == .d4)
        #expect(gpaw.setups == ["Pt": "16", "default": "paw"])
        #expect(gpaw.eigensolver?.niter == 3 && gpaw.mixer?.nmaxold == 5 && gpaw.convergence?.bands == -2)
        #expect(gpaw.poissonsolver?.dipolelayer == "xy" && gpaw.parallel?.augmentGrids == true)
        #expect(gpaw.kpts == .init(density: 3.5, gamma: false))
        #expect(file(job.yaml).job == job, "\(job.yaml)\n\(file(job.yaml).report)")
        #expect(try JSONDecoder().decode(Job.self, from: JSONEncoder().encode(job)) == job)
    }

    @Test(
        "short forms",
        arguments: [
            "{spin: {multiplicity: 3}}", "{spin: {moments: [1, 0]}}", "{spin: {hund: true}}", "{nbands: -10}",
            "{eigensolver: cg}", "{setups: sg15}", "{symmetry: off}",
        ])
    func shortForms(block: String) throws {
        let job = try #require(self.job("{gpaw: \(block)}").job)
        #expect(file(job.yaml).job == job, "\(job.yaml)")
    }

    @Test(
        "mistakes are reported with their place",
        arguments: [
            ("{gpaw: {spni: {multiplicity: 2}}}", "did you mean ‘spin’?"),
            ("{gpaw: {spin: {multiplicity: 0}}}", "an integer from 1 to 1000"),
            ("{gpaw: {spin: {multiplicity: 2, hund: true}}}", "multiplicity"),
            ("{gpaw: {spin: {moments: {AU: 1}}}}", "did you mean ‘Au’?"),
            ("{gpaw: {spin: {moments: {}}}}", "empty"),
            ("{gpaw: {nbands: many}}", "not a number of bands"),
            ("{gpaw: {nbands: 50%}}", "not a number of bands"),
            ("{gpaw: {occupations: {kind: fermi}}}", "one of fermi-dirac"),
            ("{gpaw: {dispersion: D5}}", "one of D3, D4"),
            ("{gpaw: {kpts: [2, 2]}}", "3"), ("{gpaw: {kpts: [0, 2, 2]}}", "an integer from 1 to 100"),
            ("{gpaw: {kpts: {gamma: true}}}", "density"), ("{gpaw: {kpts: {density: 0}}}", "from 0.1"),
            ("{gpaw: {eigensolver: davison}}", "davidson"),
            ("{gpaw: {setups: {Au: [1]}}}", "stages[0].dft.gpaw.setups.Au"),
            ("{xc: PBO}", "did you mean ‘PBE’?"),
            ("{xc: GGA_X_PBE_C_PBE+XYZ}", "not a functional"),
            ("{xc: vdW-DF2, gpaw: {dispersion: D3}}", "twice"),
        ])
    func mistakes(stage: String, expected: String) {
        let file = job(stage)
        #expect(file.job == nil)
        #expect(
            file.report.contains("j.yaml:6:")
                && (file.report.contains(expected)
                    || file.diagnostics.contains { $0.keyPath == expected }),
            "\(file.report)")
    }

    @Test(
        "names of functionals",
        arguments: [
            "PBE", "RPBE", "HSE06", "vdW-DF2", "GGA_X_PBE_SOL+GGA_C_PBE_SOL", "mgga_x_tpss+mgga_c_tpss",
            "HYB_GGA_XC_B3LYP", "LCY-PBE",
        ])
    func functionals(name: String) {
        let file = job("{mode: pw, xc: \(name)}")
        #expect(file.job != nil, "\(file.report)")
        let isHybrid = ["HSE06", "HYB_GGA_XC_B3LYP", "LCY-PBE"].contains(name)
        #expect(file.report.contains("hybrid functional") == isHybrid, "\(file.report)")
    }

    @Test("settings without effect give a warning")
    func withoutEffect() {
        #expect(job("{engine: tblite, gpaw: {dispersion: D3}}").report.contains("‘gpaw’ has no effect"))
        #expect(
            job("{smearing: 0.1, gpaw: {occupations: {width: 0.2}}}").report.contains(
                "‘smearing’ has no effect"))
        #expect(job("{gpaw: {occupations: {order: 1}}}").report.contains("‘order’ has no effect"))
    }

    @Test("the multiplicity must fit the number of electrons")
    func multiplicity() {
        let (oh, water) = (Self.hydroxyl, Self.water)
        #expect(report("{}", oh).contains("GPAW calculates spin-polarised with one unpaired electron"))
        #expect(report("{engine: tblite}", oh).contains("calculations are spin-paired"))
        #expect(report("{gpaw: {spin: {multiplicity: 2}}}", oh).isEmpty)
        #expect(
            report("{gpaw: {spin: {multiplicity: 3}}}", oh).contains(
                "9 electrons cannot have the multiplicity 3"))
        #expect(report("{gpaw: {spin: {multiplicity: 2}}}", water).contains("an odd multiplicity: 1, 3, …"))
        #expect(report("{gpaw: {spin: {multiplicity: 3}}}", water).isEmpty)
        #expect(report("{gpaw: {spin: {multiplicity: 13}}}", water).contains("cannot have 12 unpaired"))
        #expect(report("{gpaw: {spin: {moments: [1]}}}", water).contains("1 moment is given for 3 atoms"))
        #expect(report("{gpaw: {spin: {moments: {Au: 1}}}}", water).contains("there is no Au"))
        #expect(report("{gpaw: {spin: {hund: true}}}", water).contains("warning: Hund's rule"))
    }

    @Test("a multiplicity that the structure states must agree with the job's")
    func statedMultiplicity() throws {
        func stated(_ multiplicity: Int, _ rows: String) throws -> Atoms {
            let count = rows.split(separator: "\n").count
            let text = "\(count)\nProperties=species:S:1:pos:R:3 multiplicity=\(multiplicity)\n\(rows)\n"
            return try #require(try ExtXYZ.frames(in: Array(text.utf8), label: "s.xyz").last)
        }
        let oxygen = try stated(3, "O 0 0 0\nO 0 0 1.21")
        #expect(report("{}", oxygen).contains("‘gpaw: {spin: {multiplicity: 3}}’"))
        #expect(report("{gpaw: {spin: {multiplicity: 3}}}", oxygen).isEmpty)
        #expect(report("{gpaw: {spin: {moments: {O: 1}}}}", oxygen).isEmpty)
        #expect(try !report("{}", stated(2, "O 0 0 0\nH 0 0 0.98")).contains("error"))
    }
}
