import Atomistics
import Foundation
import Relaxation
import Testing

@Suite struct OptimizerTests {
    @Test("Every method finds a minimum", arguments: OptimizerKind.allCases)
    func everyMethodFindsAMinimum(_ kind: OptimizerKind) throws {
        var relaxer = Relaxer(
            .sevenMorse, forceField: PairField.morse, settings: .init(kind, fmax: 1e-4, maxSteps: 3000))
        try relaxer.run()
        #expect(relaxer.status == .converged)
        // All optimisers reach the pentagonal bipyramid.
        #expect(abs(relaxer.energy + 17) < 1, "\(relaxer.energy)")
    }

    /// A stretched pair begins beyond the inflexion point of the potential, where the curvature along a step is
    /// negative (yᵀs < 0).
    @Test("Damped BFGS handles negative curvature") func damping() throws {
        let pair = Atoms(elements: [.gold, .gold], positions: [[0, 0, 0], [4.6, 0, 0]])
        var relaxer = Relaxer(
            pair, forceField: PairField.morse, settings: .init(.safeBFGS, fmax: 1e-8, maxSteps: 300))
        var last = Double.infinity
        while relaxer.status == .running {
            try relaxer.advance()
            #expect(relaxer.energy < last + 0.2)
            last = relaxer.energy
        }
        #expect(relaxer.status == .converged)
        #expect(abs(relaxer.energy + 1) < 1e-9)
    }

    @Test("The model's Hessian saves steps") func modelHessian() throws {
        func steps(
            _ start: StartHessian, _ kind: OptimizerKind = .bfgs, given: [Double]? = nil
        ) throws -> Int {
            var relaxer = Relaxer(
                .sevenMorse, forceField: PairField.morse,
                settings: .init(kind, fmax: 0.01) {
                    ($0.startHessian, $0.givenHessian, $0.hessianFloor) = (start, given, 0.5)
                })
            try relaxer.run()
            #expect(relaxer.status == .converged)
            return relaxer.current?.step ?? .max
        }
        let plain = try steps(.unit)
        let field = PairField.morse
        let model = try steps(.model)
        #expect(model < plain, "\(model) steps, and \(plain) without the Hessian")
        let given = try #require(try field.hessian(.sevenMorse))
        #expect(try steps(.model, given: given) == model)
        #expect(try steps(.model, .safeBFGS) < plain)
    }

    /// Near a minimum, where all eigenvalues are above the floor, the step is Newton's step for the moving atom alone.
    @Test("A given Hessian is restricted to the moving atoms") func givenHessian() throws {
        let field = PairField.morse
        var minimum = Relaxer(.sevenMorse, forceField: field, settings: .init(.bfgs))
        try minimum.run()
        var start = try #require(minimum.current).atoms
        start.positions[2] += [0.05, -0.03, 0.02]
        let hessian = try #require(try field.hessian(start))
        var relaxer = Relaxer(
            start, forceField: field,
            settings: .init(.bfgs, maxStep: 10) {
                ($0.startHessian, $0.givenHessian, $0.hessianFloor) = (.model, hessian, 1e-3)
                $0.movable = (0..<7).map { $0 == 2 }
            })
        let force = try relaxer.advance().prediction.forces[2]
        let frame = try relaxer.advance()
        let d = frame.atoms.positions[2] - start.positions[2]
        for i in 0..<3 {
            let row = (0..<3).map { (hessian[(6 + i) * 21 + 6 + $0] + hessian[(6 + $0) * 21 + 6 + i]) / 2 }
            #expect(abs(SIMD3(row).dot(d) - force[i]) < 1e-10)
        }
        #expect(frame.fmax < 0.1 * force.length)
    }

    /// Each force component has an error of 0.02 eV/Å that differs from position to position. It disturbs curvatures
    /// that are calculated from differences of forces.
    @Test("SQNM and damped BFGS tolerate noisy forces") func noise() throws {
        var field = PairField.morse
        field.noise = 0.02
        field.hasEnergy = false
        var steps: [OptimizerKind: Int] = [:]
        for kind in [OptimizerKind.sqnm, .safeBFGS] {
            var relaxer = Relaxer(
                .thirteenMorse, forceField: field, settings: .init(kind, fmax: 0.1, maxSteps: 400))
            try relaxer.run()
            #expect(relaxer.status == .converged, "\(kind)")
            steps[kind] = relaxer.current?.step
        }
        #expect(try #require(steps[.sqnm]) < 150, "\(steps)")
    }
}
