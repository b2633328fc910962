import Foundation
import LinearAlgebra
import MinimalLearning
import Testing

/// The expected numbers were calculated with NumPy for five points in the plane; the relative tolerance is 1e-8.
@Suite struct EMLMTests {
    static let x = Matrix([[0, 0], [1, 0], [0, 2], [3, 1], [1.5, 2.5]])
    static let y = [1, 2, 0.5, 3, 1.5]
    static let probe = Matrix([[1, 1]])
    static let interpolation = [
        0.566520805820002, -0.328242347500071, 0.502394543972851, -0.051466171701462,
        0.166766453693472,
    ]

    func expect(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-8) {
        #expect(a.count == b.count)
        for (a, b) in zip(a, b) { #expect(abs(a - b) <= tolerance * abs(b)) }
    }

    @Test(
        "Weights satisfy equation 8 of the paper",
        arguments: [EMLM.Solver.normalEquations, .augmented, .spectral])
    func paperEq8(solver: EMLM.Solver) throws {
        let model = try EMLM.fit(
            distances: distances(among: Self.x), targets: Self.y, objective: .paperEq8,
            solver: solver)
        expect(
            model.weights,
            [
                0.566520804550013, -0.32824234593142, 0.502394544081746, -0.051466171997078,
                0.166766453767048,
            ])
        expect(model.predict(distances: distances(Self.probe, to: Self.x)), [1.344180809293025])
    }

    @Test("The machine interpolates its references", arguments: [EMLM.Solver.direct, .indefinite])
    func interpolation(solver: EMLM.Solver) throws {
        let d = distances(among: Self.x)
        let model = try EMLM.fit(distances: d, targets: Self.y, solver: solver)
        expect(model.weights, Self.interpolation, 1e-12)
        expect(model.predict(distances: d), Self.y, 1e-12)
    }

    @Test("The direct solver is the default for interpolation") func defaultSolver() throws {
        let d = distances(among: Self.x)
        #expect(try EMLM.fit(distances: d, targets: Self.y).solver == .direct)
        let fewer = distances(Self.x, to: Self.x.selectingRows([0, 2, 3]))
        #expect(try EMLM.fit(distances: fewer, targets: Self.y).solver == .normalEquations)
    }

    @Test(
        "Fewer references than points give a least-squares fit",
        arguments: [EMLM.Solver.normalEquations, .augmented])
    func fewerReferencesThanPoints(solver: EMLM.Solver) throws {
        let d = distances(Self.x, to: Self.x.selectingRows([0, 2, 3]))
        let paper = try EMLM.fit(
            distances: d, targets: Self.y, objective: .paperEq8, ridge: 0.1, solver: solver)
        expect(paper.weights, [0.258525548227429, 0.681879750915915, -0.048202424099368])
        let exact = try EMLM.fit(distances: d, targets: Self.y, ridge: 0.1, solver: solver)
        expect(exact.weights, [0.260996500172135, 0.673708677876954, -0.045170991916187])
    }

    @Test("A bias is fitted") func biasAugmented() throws {
        let model = try EMLM.fit(
            distances: distances(among: Self.x), targets: Self.y, objective: .biasAugmented)
        expect(
            model.weights,
            [
                0.298169767717185, -0.316580768203533, 0.329522964249967, -0.34556971545794,
                0.034457751694321,
            ])
        expect([model.constant], [1.649861484659931])
        expect(model.predict(distances: distances(Self.probe, to: Self.x)), [1.584315349292775])
    }

    @Test("Duplicate points lead to a stable solver") func duplicates() throws {
        let x = Matrix([[0, 0], [1, 0], [0, 2], [3, 1], [1, 0]])
        let d = distances(among: x)
        let model = try EMLM.fit(distances: d, targets: [1, 2, 0.5, 3, 2])
        #expect(model.solver != .direct)
        expect(model.predict(distances: d), [1, 2, 0.5, 3, 2], 1e-6)
    }

    @Test("Leave-one-out errors agree with refits", arguments: [false, true]) func leaveOneOut(
        withConstant: Bool
    ) throws {
        let objective = withConstant ? EMLM.Objective.biasAugmented : .exact
        let d = distances(among: Self.x)
        let factor = try DistanceFactorisation(d)
        let weights = try EMLM.fit(distances: d, targets: Self.y, objective: objective).weights
        let column = Matrix(rows: 5, columns: 1, storage: weights)
        let inverse = factor.inverse(withConstant: withConstant)
        let residuals = leaveOneOutResiduals(inverse: inverse, weights: column)
        let pair = try leaveGroupOutResiduals(inverse: inverse, weights: column, group: [1, 4])
        for left in 0..<5 {
            let kept = (0..<5).filter { $0 != left }
            let x = Self.x.selectingRows(kept)
            let model = try EMLM.fit(
                distances: distances(among: x), targets: kept.map { Self.y[$0] },
                objective: objective)
            let predicted = model.predict(distances: distances(Self.x.selectingRows([left]), to: x))
            expect([residuals[left, 0]], [Self.y[left] - predicted[0]], 1e-12)
        }
        let kept = [0, 2, 3]
        let x = Self.x.selectingRows(kept)
        let model = try EMLM.fit(
            distances: distances(among: x), targets: kept.map { Self.y[$0] }, objective: objective)
        let predicted = model.predict(distances: distances(Self.x.selectingRows([1, 4]), to: x))
        expect(pair.storage, [Self.y[1] - predicted[0], Self.y[4] - predicted[1]], 1e-12)
    }

    @Test("The original machine finds its outputs") func minimalLearningMachine() throws {
        let d = distances(among: Self.x)
        let model = try MLM.fit(distances: d, targets: Self.y, references: Array(0..<5))
        expect(model.predict(distances: d), Self.y, 1e-9)
        let few = [0, 2, 3, 4]
        let reduced = try MLM.fit(
            distances: distances(Self.x, to: Self.x.selectingRows(few)), targets: Self.y,
            references: few)
        let predicted = reduced.predict(distances: distances(Self.probe, to: Self.x.selectingRows(few)))
        #expect((0.5...3).contains(predicted[0]))
    }

    @Test("Multilateration finds the global minimum") func multilateration() {
        #expect(abs(multilaterate([0, 1, 4], distances: [3, 2, 1]) - 3) < 1e-12)
        #expect(abs(multilaterate([2], distances: [0]) - 2) < 1e-12)
        let (t, delta) = ([0.3, 1.1, -2.0, 0.7], [1.5, 0.4, 3.1, 1.2])
        func loss(_ y: Double) -> Double {
            zip(t, delta).reduce(0) { sum, pair in
                let misfit = (y - pair.0) * (y - pair.0) - pair.1 * pair.1
                return sum + misfit * misfit
            }
        }
        let found = loss(multilaterate(t, distances: delta))
        #expect(stride(from: -6.0, through: 6, by: 1e-3).allSatisfy { loss($0) >= found - 1e-12 })
    }
}

/// Distances of the learning machines.
@Suite struct DistanceTests {
    /// The points are far from the origin and near each other, two of them nearly equal and two equal. In single
    /// precision their distances are accurate only if the mean of the references is subtracted first.
    @Test("Distances in single precision are those in double precision to six digits")
    func centredDistances() {
        let (rows, columns) = (40, 300)
        func value(_ i: Int, _ k: Int) -> Double { 50 + sin(Double(7 * i + 3 * k * k + i * k)) }
        let references = Matrix(
            rows: rows, columns: columns,
            storage: (0..<rows * columns).map { value($0 / columns, $0 % columns) })
        var queries = references
        for k in 0..<columns {
            queries[0, k] = references[1, k] + 1e-4 * cos(Double(k))
            queries[2, k] += 0.01
        }
        let points = CentredPoints(references)
        let found = points.values.withUnsafeBufferPointer { values in
            points.squaredLengths.withUnsafeBufferPointer {
                distances(queries, toCentred: values, squaredLengths: $0, centre: points.centre)
            }
        }
        for i in 0..<rows {
            for j in 0..<rows {
                let expected = (0..<columns).reduce(0) { sum, k in
                    sum + (queries[i, k] - references[j, k]) * (queries[i, k] - references[j, k])
                }.squareRoot()
                #expect(abs(found[i, j] - expected) < 1e-6 * max(1, expected), "\(i) \(j)")
            }
        }
        #expect(found[0, 1] > 1e-3 && found[5, 5] < 1e-6)
    }
}
