import Atomistics
import Foundation
import LearningRelaxation
import LinearAlgebra

/// Gives 20 gradients to a learning relaxation. Times the proposal after the first gradient, and the observation of the
/// last gradient, which consists of the comparison with its prediction, its equations and the fit.
///
/// The frames are the cluster's training frames, each with `copies` of the cluster 30 Å apart. The base is quadratic,
/// so that only the correction is timed.
func timeLearning(structures: String, copies: Int) throws -> Measurement {
    let frames = try ExtXYZ.read(path: structures).prefix(20).map { frame in
        let offsets = (0..<copies).map { SIMD3(30 * Double($0), 0, 0) }
        var many = Atoms(
            elements: offsets.flatMap { _ in frame.elements },
            positions: offsets.flatMap { offset in frame.positions.map { $0 + offset } })
        many.forces = offsets.flatMap { _ in frame.forces ?? [] }
        many.energy = Double(copies) * (frame.energy ?? 0)
        return many
    }
    let first = frames[0]
    var hessian = Matrix(rows: 3 * first.count, columns: 3 * first.count)
    for i in 0..<hessian.rows { hessian[i, i] = 30 }
    var machine = try LearningRelaxation(start: first, base: .quadratic, hessian: hessian)
    func observe(_ frame: Atoms) throws {
        try machine.observe(frame.positions, energy: frame.energy ?? 0, forces: frame.forces ?? [])
    }
    try observe(first)
    // An inner step costs the same after each gradient.
    let clock = ContinuousClock()
    let start = clock.now
    let proposal = try machine.proposal()
    let inner = start.duration(to: clock.now) / .seconds(1)
    for frame in frames[1..<frames.count - 1] { try observe(frame) }
    var measurement = try Measurement(once: { try observe(frames[frames.count - 1]) })
    measurement.notes = [
        "atoms": Double(first.count), "proposal": inner,
        "steps": Double(proposal.innerSteps),
    ]
    return measurement
}
