import Atomistics
import DurableFiles
import Handoff
import JobSpec
import OrderedCollections
import TestTags
import Testing

@Suite struct ResultTests {
    let package: HandoffPackage
    let sample: ResultSample

    init() throws {
        package = try HandoffPackage(Samples.request())
        sample = ResultSample(of: package)
    }

    private func refusal(
        _ files: [ReturnedFile: [UInt8]], of package: HandoffPackage? = nil
    ) -> ResultRefusal? {
        do {
            _ = try ReturnedResult(files, expecting: (package ?? self.package).expectation)
            return nil
        } catch { return error }
    }

    private func refusal(_ change: (inout ResultSample) -> Void) throws -> ResultRefusal? {
        var sample = sample
        change(&sample)
        return refusal(try sample.files)
    }

    @Test("A converged result is accepted") func convergedResult() throws {
        let files = try sample.files
        let result = try ReturnedResult(files, expecting: package.expectation)
        #expect(result.isConverged)
        #expect(result.final?.positions == sample.frames.last?.positions)
        #expect(result.final?.energy == sample.frames.last?.energy)
        #expect(result.final?.forces == sample.frames.last?.forces)
        #expect(result.best == nil)
        #expect(result.path.steps == 6)
        #expect(result.path.energies == sample.frames.compactMap(\.energy))
        #expect(result.path.fmax.count == 7)
        #expect(try #require(result.path.fmax.first) > 1)
        #expect(try #require(result.path.fmax.last) < 0.05)
        #expect((result.gradientCalls, result.scfCycles, result.wallTime) == (7, 77, 12.5))
        #expect(result.versions == ["gpaw": "26.7.0", "ase": "3.29.0"])
        #expect(result.levelOfTheory == ResultSample.level)
        #expect(result.digest == Digest(of: try #require(files[.done])))
    }

    @Test("A calculation that did not converge is a result", .tags(.fault33))
    func fault33NotConverged() throws {
        var sample = ResultSample(of: package, shrinking: 0.8)
        sample.end(.stepLimit)
        sample.listed.append(.best)
        let result = try ReturnedResult(try sample.files, expecting: package.expectation)
        #expect(result.verdict == .stepLimit)
        #expect(!result.isConverged)
        #expect(result.best != nil)
    }

    @Test("An engine that failed at once has no frames") func failedEngine() throws {
        var sample = sample
        sample.end(.notSelfConsistent)
        sample.listed = [.status]
        sample.status["steps"] = .integer(0)
        let result = try ReturnedResult(try sample.files, expecting: package.expectation)
        #expect(result.verdict == .notSelfConsistent)
        #expect(result.final == nil)
    }

    @Test("The forces determine convergence") func convergedByForces() throws {
        let hot = ResultSample(of: package, shrinking: 0.8)
        guard case .notConverged(_, let limit)? = refusal(try hot.files) else {
            Issue.record("the result was accepted")
            return
        }
        #expect(limit == 0.05)
        #expect(
            try refusal { $0.status["converged"] = .boolean(false) }
                == .contradiction("status.json and DONE.json disagree on how the calculation ended"))
    }

    @Test("Results of another job, stage, attempt or inputs are refused", .tags(.fault33))
    func fault33OtherIdentity() throws {
        #expect(
            try refusal { $0.marker["job"] = .string("ring5") }
                == .otherJob(expected: "ring4", found: "ring5"))
        #expect(try refusal { $0.status["stage"] = .integer(3) } == .otherStage(expected: 1, found: 3))
        #expect(try refusal { $0.marker["attempt"] = .integer(1) } == .otherAttempt(expected: 2, found: 1))
        let other = String(repeating: "0", count: 64)
        #expect(try refusal { $0.marker["inputs"] = .string(other) } == .otherInputs)
        #expect(try refusal { $0.frames[3].info["inputs"] = .string("sha256:\(other)") } == .otherInputs)
        #expect(try refusal { $0.marker["format"] = .integer(2) } == .otherFormat(2))
        #expect(try refusal { $0.status["charge"] = .integer(1) } == .otherCharge(expected: 0, found: 1))
    }

    @Test("Incomplete, truncated and changed results are refused", .tags(.fault33))
    func fault33Damaged() throws {
        let files = try sample.files
        for file in [ReturnedFile.trajectory, .final, .status, .done] {
            var some = files
            some[file] = nil
            #expect(refusal(some) == .missing(file.rawValue))
        }
        for file in [ReturnedFile.trajectory, .final, .status] {
            var torn = files
            torn[file] = files[file].map { Array($0.dropLast(20)) }
            #expect(refusal(torn) == .damaged(file.rawValue))
            var flipped = files
            flipped[file]?[30] ^= 1
            #expect(refusal(flipped) == .damaged(file.rawValue))
        }
        var torn = files
        torn[.done] = files[.done].map { Array($0.dropLast(5)) }
        guard case .unreadable("DONE.json", _)? = refusal(torn) else {
            Issue.record("a result with a truncated marker was accepted")
            return
        }
    }

    @Test("Results with other atoms or another order are refused", .tags(.fault33))
    func fault33OtherAtoms() throws {
        #expect(
            try refusal { sample in
                for k in sample.frames.indices { sample.frames[k].elements.swapAt(0, 1) }
            }
                == .otherElement(
                    file: "trajectory.extxyz", frame: 0, atom: 0, expected: "S", found: "H"))
        // If atoms of one element are in another order, they are at wrong positions.
        let swapped = try refusal { sample in
            for k in sample.frames.indices {
                sample.frames[k].positions.swapAt(1, 2)
                sample.frames[k].forces?.swapAt(1, 2)
            }
        }
        guard case .displaced("trajectory.extxyz", 0, 1, _, _)? = swapped else {
            Issue.record("\(String(describing: swapped))")
            return
        }
        #expect(
            try refusal { sample in
                sample.frames[2] = Atoms(
                    elements: Array(sample.frames[2].elements.prefix(2)),
                    positions: Array(sample.frames[2].positions.prefix(2)), info: sample.frames[2].info)
            } == .atomCount(file: "trajectory.extxyz", frame: 2, expected: 3, found: 2))
    }

    @Test("Values that are not numbers are refused", .tags(.fault33)) func fault33NotFinite() throws {
        let refusals = [
            try refusal { $0.frames[4].energy = .nan },
            try refusal { $0.frames[4].forces?[1].y = .infinity },
            try refusal { $0.frames[4].positions[2].z = .nan },
        ]
        for refusal in refusals {
            switch refusal {
            case .notFinite("trajectory.extxyz", 4)?, .unreadable("trajectory.extxyz", _)?: break
            default: Issue.record("\(String(describing: refusal))")
            }
        }
        #expect(
            try refusal { $0.frames[1].forces = nil } == .noForces(file: "trajectory.extxyz", frame: 1))
        #expect(
            try refusal { $0.frames[1].energy = nil } == .noEnergy(file: "trajectory.extxyz", frame: 1))
    }

    @Test("Results in other units are refused", .tags(.fault33)) func fault33WrongUnits() throws {
        guard
            case .wrongUnits? = try refusal({ $0.status["units"] = .object(["length": .string("Bohr")]) })
                .map({ if case .unreadable = $0 { ResultRefusal.wrongUnits("") } else { $0 } })
        else {
            Issue.record("a result in other units was accepted")
            return
        }
        // Energies in hartree, labelled as eV, are 27 times too small for the forces.
        let hartree = try refusal { sample in
            for k in sample.frames.indices { sample.frames[k].energy? /= 27.2114 }
        }
        guard case .wrongUnits? = hartree else {
            Issue.record("\(String(describing: hartree))")
            return
        }
        // Positions in bohr that are labelled as Å.
        let bohr = try refusal { sample in
            for k in sample.frames.indices {
                sample.frames[k].positions = sample.frames[k].positions.map { $0 / 0.529177 }
            }
        }
        guard case .displaced("trajectory.extxyz", 0, _, _, _)? = bohr else {
            Issue.record("\(String(describing: bohr))")
            return
        }
    }

    @Test("A result of another level of theory is refused") func anotherLevelOfTheory() throws {
        let fd = "GPAW 26.7.0 PBE FD h=0.2A FermiDirac 0.05eV non-periodic"
        let expected = "GPAW <version> PBE LCAO dzp h=0.2A FermiDirac 0.05eV non-periodic"
        #expect(
            try refusal { $0.status["level_of_theory"] = .string(fd) }
                == .otherLevelOfTheory(expected: expected, found: fd))
        #expect(
            try refusal { $0.frames[2].info["level_of_theory"] = .string(fd) }
                == .otherLevelOfTheory(expected: expected, found: fd))
    }

    @Test("Inconsistent frames are refused", .tags(.fault33)) func fault33InconsistentFrames() throws {
        // A step that is longer than the optimiser may take.
        let jump = try refusal { sample in
            for k in 3...6 { sample.frames[k].positions[1].x += 0.5 }
        }
        guard case .displaced("trajectory.extxyz", 3, 1, _, _)? = jump else {
            Issue.record("\(String(describing: jump))")
            return
        }
        #expect(
            try refusal { $0.status["steps"] = .integer(5) }
                == .contradiction("status.json counts 5 steps, trajectory.extxyz has 6"))
        #expect(
            try refusal { $0.final = 5 }
                == .contradiction("final.extxyz differs from the last frame of trajectory.extxyz"))
        #expect(
            try refusal { $0.end(.stopped) }
                == .contradiction(
                    "status.json says that the calculation was stopped, but DONE.json says that it ended"))
    }

    @Test("Fixed atoms may not move") func whatIsFixedStays() throws {
        let package = try HandoffPackage(Samples.request { $0.movable = [true, false, true] })
        let sample = ResultSample(of: package)
        guard case .fixedAtomMoved(1, _)? = refusal(try sample.files, of: package) else {
            Issue.record("the result was accepted")
            return
        }
    }
}

@Suite struct DroppedResultTests {
    let package: HandoffPackage
    let sample: ResultSample

    init() throws {
        package = try HandoffPackage(Samples.request())
        sample = ResultSample(of: package)
    }

    private func take(_ frames: [Atoms]) throws(ResultRefusal) -> ReturnedResult {
        try ReturnedResult(
            dropped: ExtXYZ.bytes(of: frames), named: "ring4.result.extxyz", expecting: package.expectation)
    }

    @Test("The last frame with forces is used") func lastFrame() throws {
        var tail = sample.frames[6]
        tail.forces = nil
        tail.energy = nil
        let result = try take(sample.frames + [tail])
        #expect(result.isConverged)
        #expect(result.final?.positions == sample.frames[6].positions)
        #expect(result.path.steps == 6)
        #expect(result.notes == ["frames after frame 6 have no energy and forces and were left out"])
        #expect(try !take([sample.frames[0]]).isConverged)
    }

    @Test("A shifted structure is accepted") func aShiftIsHarmless() throws {
        var atoms = sample.frames[6]
        atoms.positions = atoms.positions.map { $0 + SIMD3(7, 7, 7) }
        #expect(try take([atoms]).isConverged)
    }

    @Test("A result that was shifted as a whole is accepted with fixed atoms too")
    func shiftedWithFixedAtoms() throws {
        let package = try HandoffPackage(Samples.request { $0.movable = [false, false, true] })
        var atoms = ResultSample(of: package).frames[6]
        atoms.info["inputs"] = nil
        for atom in [0, 1] {
            let sent = package.expectation.positions[atom]
            atoms.positions[atom] = [sent[0], sent[1], sent[2]]
        }
        func take(_ atoms: Atoms) throws -> ReturnedResult {
            try ReturnedResult(
                dropped: ExtXYZ.bytes(of: [atoms]), named: "w.result.extxyz", expecting: package.expectation)
        }
        atoms.positions = atoms.positions.map { $0 + SIMD3(5, 5, 5) }
        _ = try take(atoms)
        atoms.positions[0].x += 0.5
        #expect(throws: ResultRefusal.self) { try take(atoms) }
    }

    @Test("A result with partly fixed atoms is accepted, shifted or not")
    func shiftedWithPartlyFixedAtoms() throws {
        // The z coordinate of atom 1 is fixed; no atom has a fixed x or y coordinate.
        let package = try HandoffPackage(Samples.request { $0.fixedCoordinates = [5] })
        var atoms = ResultSample(of: package).frames[6]
        atoms.info["inputs"] = nil
        atoms.positions[1].z = package.expectation.positions[1][2]
        atoms.positions[2].z += 0.3
        func take(_ atoms: Atoms) throws {
            _ = try ReturnedResult(
                dropped: ExtXYZ.bytes(of: [atoms]), named: "w.result.extxyz", expecting: package.expectation)
        }
        try take(atoms)
        atoms.positions = atoms.positions.map { $0 + SIMD3(5, 4, 3) }
        try take(atoms)
    }

    @Test(
        "The charge and spin of a dropped result are compared with those of the calculation, whatever they are called"
    )
    func statedStates() throws {
        func take(_ key: String, _ value: Double, spin: GPAWSettings.Spin? = nil) throws {
            var settings = Samples.settings()
            settings.gpaw = spin.map { spin in
                var block = GPAWSettings()
                block.spin = spin
                return block
            }
            let package = try HandoffPackage(Samples.request(settings: settings))
            var atoms = ResultSample(of: package).frames[6]
            atoms.info["inputs"] = nil
            atoms.info[key] = .real(value)
            _ = try ReturnedResult(
                dropped: ExtXYZ.bytes(of: [atoms]), named: "w.result.extxyz", expecting: package.expectation)
        }
        let triplet = GPAWSettings.Spin.multiplicity(3)
        for (key, value) in [
            ("total_charge", 0.0), ("multiplicity", 1), ("uhf", 0), ("spin", 0), ("spin", 1),
        ] {
            try take(key, value)
        }
        for (key, value) in [("multiplicity", 3.0), ("mult", 3), ("nunpaired", 2), ("spin", 1), ("spin", 2)] {
            try take(key, value, spin: triplet)
        }
        for (key, value) in [
            ("Charge", 1.0), ("tot_charge", -1), ("spin_multiplicity", 3), ("uhf", 2), ("spin", 2),
        ] {
            #expect(throws: ResultRefusal.self, "\(key)") { try take(key, value) }
        }
        for (key, value) in [("multiplicity", 1.0), ("nunpaired", 0), ("spin", 0)] {
            #expect(throws: ResultRefusal.self, "\(key)") { try take(key, value, spin: triplet) }
        }
        // If the job gives initial moments, the calculation determines the final ones, so any multiplicity is accepted.
        try take("multiplicity", 1, spin: .moments([1, 0, 0]))
    }

    @Test("Another method is noted") func anotherMethodIsNoted() throws {
        var atoms = sample.frames[6]
        atoms.info["level_of_theory"] = .string("VASP PBE")
        let result = try take([atoms])
        #expect(result.notes.count == 1)
        #expect(result.notes.first?.contains("computed at the level VASP PBE") == true)
        #expect(result.levelOfTheory == "VASP PBE")
    }

    @Test("An unsuitable dropped result is refused") func unsuitableDroppedResult() throws {
        var bohr = sample.frames[6]
        bohr.positions = bohr.positions.map { $0 / 0.529177 }
        #expect { try take([bohr]) } throws: { error in
            if case ResultRefusal.wrongUnits? = error as? ResultRefusal { true } else { false }
        }
        var bare = sample.frames[6]
        bare.forces = nil
        #expect(throws: ResultRefusal.noForces(file: "ring4.result.extxyz", frame: 0)) { try take([bare]) }
        var stray = sample.frames[6]
        stray.positions[2].x += 20
        #expect { try take([stray]) } throws: { error in
            if case ResultRefusal.displaced? = error as? ResultRefusal { true } else { false }
        }
        #expect(throws: ResultRefusal.self) { try take([]) }
        var charged = sample.frames[6]
        charged.info["charge"] = .integer(1)
        #expect(throws: ResultRefusal.otherCharge(expected: 0, found: 1)) { try take([charged]) }
    }
}
