import MinimalLearning
import Testing

/// The expected numbers were calculated with NumPy, and with SciPy's SLSQP for the numeric loss; the tolerance is 1e-9.
@Suite struct DirectionTests {
    static let problem: DirectionProblem = {
        let g = [0.05, 0.10, 0.20, 0.40, 0.30]
        return DirectionProblem(
            vectors: [[1, 0, 0], [0.8, 0.6, 0], [0.6, 0, 0.8], [0, 0.6, 0.8], [0.48, 0.6, 0.64]],
            projections: [0.75, 0.95, 0.55, 0.40, 0.80], weights: alignmentWeights(g, sigma2: 0.5))
    }()

    func expect(_ a: SIMD3<Double>, _ b: SIMD3<Double>, _ tolerance: Double = 1e-9) {
        #expect(abs(a - b).max() <= tolerance, "\(a) \(b)")
    }

    private func abs(_ v: SIMD3<Double>) -> SIMD3<Double> { v.replacing(with: -v, where: v .< 0) }

    @Test("Sums over references agree with the golden values") func moments() {
        expect(Self.problem.b, [2.021852508637767, 1.009084798601251, 0.900887121787276])
        let raw = Self.problem.b / Self.problem.support
        #expect(Swift.abs((raw * raw).sum().squareRoot() - 0.603939694414801) < 1e-12)
    }

    @Test("Every solver agrees with the golden values") func solvers() {
        let p = Self.problem
        expect(p.solve(.paperEq17), [0.831135112430578, 0.414810577900416, 0.370333105928883])
        expect(p.solve(.leastSquares), [0.795306073750114, 0.594807891972314, 0.117012053668118])
        expect(p.solve(.ridge(0.05)), [0.809338557206632, 0.56929013820352, 0.144498575643166])
        expect(p.solve(.sphere), [0.774289343870999, 0.627401741215677, 0.08272283292632])
        let numeric = p.solve(.numeric(sigma1: 0.25))
        expect(numeric, [0.7741272, 0.6275633, 0.0830138], 1e-6)
        #expect(Swift.abs(p.numericLoss(numeric, sigma1: 0.25) + 3.966689591) < 1e-9)
    }

    @Test("Exact projections give the exact direction") func exactProjections() {
        let v: SIMD3<Double> = [2.0 / 7, -3.0 / 7, 6.0 / 7]
        let u = Self.problem.u
        let exact = DirectionProblem(
            vectors: u, projections: u.map { ($0 * v).sum() }, weights: [1, 0.5, 2, 1, 0.1])
        for solver in [DirectionSolver.leastSquares, .sphere, .numeric(sigma1: 0.25)] {
            expect(exact.solve(solver), v, 1e-9)
        }
        #expect(exact.analyticLoss(v) < 1e-14)
        expect(exact.solve(.ridge(1e9)), exact.solve(.paperEq17), 1e-8)
    }

    @Test("The hard case of the minimisation on the sphere is solved") func hardCase() {
        // The references determine only the x and y components. Together these are shorter than 1, so z follows from
        // the length 1.
        let p = DirectionProblem(
            vectors: [[1, 0, 0], [0, 1, 0]], projections: [0.3, 0.4], weights: [1, 1])
        expect(p.solve(.sphere), [0.3, 0.4, 0.75.squareRoot()], 1e-9)
    }

    @Test("Collinear and missing references give no wrong direction") func collinearAndEmpty() {
        let line = DirectionProblem(
            vectors: [[0, 0, 1], [0, 0, -1]], projections: [-0.5, 0.7], weights: [1, 1])
        for solver in [DirectionSolver.paperEq17, .leastSquares, .ridge(0.1)] {
            expect(line.solve(solver), [0, 0, -1])
        }
        let nothing = DirectionProblem(vectors: [[0, 0, 1]], projections: [1], weights: [0])
        for solver in [DirectionSolver.paperEq17, .leastSquares, .sphere, .numeric(sigma1: 0.25)] {
            #expect(nothing.solve(solver) == .zero)
        }
    }
}
