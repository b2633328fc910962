import Atomistics
import Descriptors
import Foundation
import MinimalLearning
import ModelFile
import Testing
import ThiolateGold

/// Models that are trained on few frames: three of the cluster, which has both kinds of core gold, and five of a ring.
@Suite struct OAMLMTests {
    static let level = "GPAW 26.7.0 PBE LCAO dzp h=0.2A FermiDirac 0.05eV non-periodic"

    static func frames(_ file: String) throws -> [Atoms] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return try ExtXYZ.read(path: root.appendingPathComponent("models/data/\(file)").path)
    }

    static func training() throws -> [Atoms] {
        try Array(frames("au38q-pbe-lcao.extxyz").prefix(3))
            + frames("rings-pbe-lcao.extxyz")[10..<15]
    }

    static var options: OAMLMOptions {
        var options = OAMLMOptions()
        options.environment.soap = SOAPSettings(
            species: SOAPSettings.paper.species, rCut: 4, nMax: 3, lMax: 2, sigma: 0.5)
        return options
    }

    /// Calls `body` with the path of a new folder, which is removed afterwards.
    func inDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("aurelax-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        return try body(directory.path)
    }

    func model(
        _ options: OAMLMOptions = options, on frames: [Atoms]? = nil
    ) throws -> OAMLMForceField {
        try inDirectory { directory in
            let path = directory + "/m.aurelax-model"
            try OAMLMTraining(name: "small", levelOfTheory: Self.level, options: options)
                .train(on: frames ?? Self.training(), writeTo: path)
            return try OAMLMForceField(ModelFile(contentsOf: path))
        }
    }

    @Test("Least squares reproduces the training forces") func trainingForces() throws {
        let model = try model().solving(.leastSquares)
        let frames = try Self.training()
        for frame in [frames[0], frames[4]] {
            let predicted = try model.predict(frame).forces
            for (f, reference) in zip(predicted, try #require(frame.forces)) {
                #expect((f - reference).length < 1e-4)
            }
        }
    }

    @Test("Forces turn with the structure") func forcesTurnWithTheStructure() throws {
        try Self.expectForcesTurn(model())
    }

    /// Expects that the predicted forces transform with the structure when it is rotated, reflected and moved, and that
    /// they do not depend on the order of the atoms.
    static func expectForcesTurn(_ model: some ForceField) throws {
        let cluster = try frames("au38q-pbe-lcao.extxyz")[8]
        let before = try model.predict(cluster)
        #expect(Set(before.classes).isSuperset(of: ["core-gold", "unit-gold", "S", "C", "H"]))
        let (c, s) = (cos(0.7), sin(0.7))
        // An improper rotation: a rotation about x, and a reflection of x.
        func turned(_ v: SIMD3<Double>) -> SIMD3<Double> { [-v.x, c * v.y - s * v.z, s * v.y + c * v.z] }
        let order = Array((0..<cluster.count).reversed())
        let moved = Atoms(
            elements: order.map { cluster.elements[$0] },
            positions: order.map { turned(cluster.positions[$0]) + [3, -1, 2] })
        let after = try model.predict(moved)
        for (new, old) in order.enumerated() {
            #expect(after.classes[new] == before.classes[old])
            #expect((after.forces[new] - turned(before.forces[old])).length < 1e-6)
        }
    }

    @Test("Atoms closer than any two in the data are out of domain")
    func atomsCloserThanAnyTwoInTheDataAreOutOfTheDomain() throws {
        try Self.expectClosePairOutOfDomain(model(), shortestIn: Self.training())
    }

    /// Moves a sulfur atom along its bond to gold, to distances slightly above and slightly below the limit. Expects
    /// that both atoms are out of domain only below it.
    static func expectClosePairOutOfDomain(_ model: some ForceField, shortestIn frames: [Atoms]) throws {
        let shortest = try #require(try PairDistances(shortestIn: frames)[.gold, .sulfur])
        let limit = shortest * PairDistances.trustedFraction
        let atoms = frames[0]
        let pairs = atoms.elements.indices.filter { atoms.elements[$0] == .sulfur }.flatMap { s in
            atoms.elements.indices.filter { atoms.elements[$0] == .gold }.map { (sulfur: s, gold: $0) }
        }
        func offset(_ pair: (sulfur: Int, gold: Int)) -> SIMD3<Double> {
            atoms.positions[pair.sulfur] - atoms.positions[pair.gold]
        }
        let bond = try #require(pairs.min { offset($0).length < offset($1).length })
        func prediction(at distance: Double) throws -> ForcePrediction {
            var moved = atoms
            moved.positions[bond.sulfur] =
                atoms.positions[bond.gold] + distance / offset(bond).length * offset(bond)
            return try model.predict(moved)
        }
        let inside = try prediction(at: limit + 1e-3)
        #expect(!inside.warnings.contains { $0.contains("closer to another") })
        let outside = try prediction(at: limit - 1e-3)
        #expect(outside.outOfDomain[bond.sulfur] && outside.outOfDomain[bond.gold])
        #expect(outside.warnings.contains { $0.hasPrefix("2 atoms are closer to another") })
    }

    @Test("Half units use the model of unit gold") func halfUnits() throws {
        let model = try model()
        let ring = try Self.frames("rings-pbe-lcao.extxyz")[80]
        // Each gold atom in turn is moved away from one of its two sulfur atoms, and out of the ring.
        let center = ring.positions.reduce(.zero, +) / Double(ring.count)
        var found = 0
        for gold in ring.elements.indices where ring.elements[gold] == .gold {
            var torn = ring
            let outward = ring.positions[gold] - center
            for sulfur in ring.elements.indices where ring.elements[sulfur] == .sulfur {
                let bond = ring.positions[gold] - ring.positions[sulfur]
                guard bond.length < 3 else { continue }
                torn.positions[gold] += bond / bond.length * 0.5 + outward / outward.length * 1.2
                break
            }
            let prediction = try model.predict(torn)
            guard prediction.classes[gold] == "half-unit-gold" else { continue }
            found += 1
            #expect(prediction.forces[gold].length > 0.1 && prediction.forces[gold].length.isFinite)
        }
        #expect(found > 0)
    }

    /// At a bond length between the one at which a class is gained and the one at which it is lost, the class of the
    /// previous step decides.
    @Test("Classes do not flip at one distance") func stableClasses() throws {
        var options = Self.options
        options.environment.classification.releaseLength = 3.4
        let model = try model(options)
        let cluster = try Self.frames("au38q-pbe-lcao.extxyz")[0]
        let before = try model.predict(cluster)
        let s = Set(cluster.elements.indices.filter { cluster.elements[$0] == .sulfur })
        var flipped = 0
        for gold in cluster.elements.indices where before.classes[gold] == "unit-gold" {
            // One bond is stretched so far that a classification without the previous step does not count it.
            let bonds = s.map { cluster.positions[$0] - cluster.positions[gold] }.sorted {
                $0.length < $1.length
            }
            var stretched = cluster
            stretched.positions[gold] -= bonds[1] / bonds[1].length * (3.1 - bonds[1].length)
            let fresh = try model.predict(stretched)
            guard fresh.classes[gold] == "core-gold" else { continue }
            flipped += 1
            let kept = try model.predict(stretched, following: before)
            #expect(kept.classes[gold] == "unit-gold")
            #expect((kept.forces[gold] - fresh.forces[gold]).length > 1e-3)
            #expect(try model.predict(stretched, following: fresh).classes[gold] == "core-gold")
        }
        #expect(flipped > 0)
        // Without a release length the previous step has no effect.
        let plain = try self.model()
        #expect(try plain.predict(cluster, following: before).forces == plain.predict(cluster).forces)
    }

    @Test("All signs of uncertainty are in the prediction") func indicators() throws {
        let cluster = try Self.frames("au38q-pbe-lcao.extxyz")[8]
        let plain = try model().predict(cluster).indicators
        #expect(plain.keys.sorted() == ["u1-support", "u2-coherence", "u3-residual", "u4-nearest"])
        var options = Self.options
        options.alignmentModel = true
        let all = try model(options).predict(cluster).indicators
        #expect(all.keys.sorted().suffix(2) == ["u5-alignment-surprise", "u6-predicted-support"])
        for (name, values) in all {
            #expect(values.count == cluster.count && values.allSatisfy(\.isFinite), "\(name)")
            #expect(Set(values).count > cluster.count / 2, "\(name)")
        }
        #expect(try #require(all["u2-coherence"]).allSatisfy { (0...3).contains($0) })
    }

    /// The original MLM takes the place of the EMLM. At the training points its norms are those of the data, and for a
    /// structure outside the training data it roughly agrees with the EMLM.
    @Test("Multilateration predicts norms") func multilateration() throws {
        var options = Self.options
        options.objective = .multilateration
        let training = try Self.training()
        let model = try model(options).solving(.leastSquares)
        #expect(model.options.objective == .multilateration)
        for frame in [training[0], training[4]] {
            for (f, reference) in zip(try model.predict(frame).forces, try #require(frame.forces)) {
                #expect((f - reference).length < 1e-4)
            }
        }
        let unseen = try Self.frames("rings-pbe-lcao.extxyz")[17]
        let emlm = try self.model().solving(.leastSquares).predict(unseen).forces
        let mlm = try model.predict(unseen).forces
        #expect(zip(emlm, mlm).contains { ($0 - $1).length > 1e-3 })
        // Both models were trained on the same data, so they agree on most of the force.
        let size = emlm.reduce(0) { $0 + $1.squaredLength }
        #expect(zip(emlm, mlm).reduce(0) { $0 + ($1.0 - $1.1).squaredLength } < 0.5 * size)
    }

    @Test("Both kinds of core gold are learnt") func coreGold() throws {
        let cluster = try Self.frames("au38q-pbe-lcao.extxyz")[0]
        let classes = Classification(cluster).classes
        let core = cluster.elements.indices.filter { classes[$0] == .coreGold }
        let bound = core.filter { gold in
            cluster.elements.indices.contains {
                cluster.elements[$0] == .sulfur
                    && (cluster.positions[$0] - cluster.positions[gold]).length <= 3
            }
        }
        #expect(!bound.isEmpty && bound.count < core.count)
        // On a held-out frame, the error is well below the force for core gold with and without a bond to sulfur.
        let model = try model(on: Array(Self.frames("au38q-pbe-lcao.extxyz").prefix(8)))
        let frame = try Self.frames("au38q-pbe-lcao.extxyz")[9]
        let forces = try model.predict(frame).forces
        let reference = try #require(frame.forces)
        for atoms in [bound, core.filter { !bound.contains($0) }] {
            let error = atoms.reduce(0) { $0 + (forces[$1] - reference[$1]).squaredLength }
            #expect(error < 0.7 * atoms.reduce(0) { $0 + reference[$1].squaredLength })
        }
    }

    @Test("Alternatives are compared on held-out frames") func alternatives() throws {
        var options = Self.options
        options.alternatives = [ClassOptions(direction: .ridge(0.2), sigma2: 0.5)]
        let plain = try model()
        let chosen = try model(options)
        var better = 0
        for (a, b) in zip(plain.classes, chosen.classes) {
            #expect(b.forceError <= a.forceError)
            #expect((b.forceError < a.forceError) == (b.direction == .ridge(0.2)))
            if b.forceError < a.forceError { better += 1 }
        }
        #expect(better > 0)
    }

    @Test("Unusable structures are refused") func refusals() throws {
        let model = try model(on: Array(Self.training().suffix(5)))
        let cluster = try Self.frames("au38q-pbe-lcao.extxyz")[0]
        // The model was trained on rings, which have no core gold.
        #expect(throws: ForceFieldError.self) { try model.predict(cluster) }
        let ring = try Self.frames("rings-pbe-lcao.extxyz")[0]
        var strange = ring
        strange.elements[0] = try #require(Element(symbol: "Ag"))
        #expect(throws: ForceFieldError.self) { try model.predict(strange) }
        var fused = ring
        fused.positions[1] = fused.positions[0]
        #expect(throws: ForceFieldError.coincidentAtoms(0, 1)) { try model.predict(fused) }
        var unlabelled = ring
        unlabelled.forces = nil
        #expect(throws: TrainingError.noForces(frame: 0)) { try self.model(on: [unlabelled]) }
        var other = ring
        other.levelOfTheory = "another"
        #expect(
            throws: TrainingError.levelOfTheory(frame: 0, found: "another", expected: Self.level)
        ) { try self.model(on: [other]) }
        var broken = ring
        broken.forces?[3].x = .nan
        #expect(throws: TrainingError.notFinite(frame: 0, atom: 3)) { try self.model(on: [broken]) }
    }

    @Test("Damaged files are refused") func damagedFiles() throws {
        try inDirectory { directory in
            let path = directory + "/m.aurelax-model"
            try OAMLMTraining(name: "small", levelOfTheory: Self.level, options: Self.options)
                .train(on: Array(Self.training().suffix(5)), writeTo: path)
            var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            try Data(bytes.dropLast(64)).write(to: URL(fileURLWithPath: path))
            #expect(throws: ModelFileError.self) { try OAMLMForceField(ModelFile(contentsOf: path)) }
            bytes[bytes.count / 2] ^= 1
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            #expect(throws: ModelFileError.self) { try ModelFile(contentsOf: path).verify() }
        }
    }
}
