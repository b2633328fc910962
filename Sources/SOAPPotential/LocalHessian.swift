public import Atomistics
import Descriptors
import Foundation
import LinearAlgebra

/// The Hessian of a local potential, calculated by displacing one atom at a time in both directions: only the
/// environments that contain the atom are computed again.
///
///     H_ja,kb = (∂E_j/∂r_kb (r_ja + h) − ∂E_j/∂r_kb (r_ja − h))/2h,   h = 1e-3 Å
///
/// E_j is the energy of the atoms whose environment contains atom j; the energies of the other atoms do not depend on
/// r_j. In a periodic structure one image of j is displaced, and the gradients on all images of k are
/// added; because of translational symmetry, the sum is the derivative for all images of j displaced together.
struct LocalHessian: Sendable {
    let potential: SOAPPotential
    let atoms: Atoms
    private let step = 1e-3

    /// Computes the Hessian.
    ///
    /// - Parameter progress: called with the number of finished atoms and the number of all atoms; if it throws, the
    ///   computation ends. It may be called from any thread, by one thread at a time.
    /// - Returns: 3N×3N, row-major, eV/Å², symmetrised.
    /// - Complexity: O(N) force calls on the environment of one atom, on all processors; 72 N²
    ///   bytes.
    func compute(progress: @Sendable (_ done: Int, _ of: Int) throws -> Void) throws -> [Double] {
        let size = 3 * atoms.count
        var result = [Double](repeating: 0, count: size * size)
        let reach = potential.reach + step
        let species = Set(atoms.elements).sorted()
        let far = try NeighborList(atoms, cutoff: 2 * reach)
        let shared = Shared()
        result.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let output = buffer
            forEachChunk(of: atoms.count) { range in
                for atom in range {
                    do {
                        guard !shared.hasFailed else { return }
                        try addRows(of: atom, far, reach, species, to: output)
                        try shared.finishOne { try progress($0, atoms.count) }
                    } catch {
                        shared.fail(error)
                    }
                }
            }
        }
        if let error = shared.error { throw error }
        for i in 0..<size {
            for j in 0..<i {
                let mean = (result[i * size + j] + result[j * size + i]) / 2
                (result[i * size + j], result[j * size + i]) = (mean, mean)
            }
        }
        return result
    }

    /// Writes the three rows of the Hessian that belong to an atom.
    private func addRows(
        of atom: Int, _ far: NeighborList, _ reach: Double, _ species: [Element],
        to output: UnsafeMutableBufferPointer<Double>
    ) throws {
        // The atoms in the changing environments, and the centres of these environments.
        let home = atoms.positions[atom]
        let images = atoms.periodicity.isPeriodic
        let found = far.range(of: atom).map { slot in
            let index = far.indices[slot]
            return Member(
                atom: index, position: images ? home + far.displacements[slot] : atoms.positions[index],
                isCenter: far.squaredDistances[slot] <= reach * reach)
        }
        let members = ([Member(atom: atom, position: home, isCenter: true)] + found).enumerated()
            .sorted { ($0.element.atom, $0.offset) < ($1.element.atom, $1.offset) }
        var part = Atoms(
            elements: members.map { atoms.elements[$0.element.atom] },
            positions: members.map(\.element.position))
        let places = members.indices.filter { members[$0].element.isCenter }
        guard let place = members.firstIndex(where: { $0.offset == 0 }) else { return }
        let size = 3 * atoms.count
        for axis in 0..<3 {
            func gradient(_ shift: Double) throws -> [SIMD3<Double>] {
                let before = part.positions[place]
                defer { part.positions[place] = before }
                part.positions[place][axis] += shift
                return try potential.evaluate(
                    part, centers: places, species: species, variances: false
                ).gradient
            }
            let (forward, back) = (try gradient(step), try gradient(-step))
            for (k, member) in members.enumerated() {
                let slope = (forward[k] - back[k]) / (2 * step)
                for component in 0..<3 {
                    output[(3 * atom + axis) * size + 3 * member.element.atom + component] += slope[component]
                }
            }
        }
    }
}

/// An atom, or an image of one, near the displaced atom.
private struct Member {
    var atom: Int
    var position: SIMD3<Double>
    /// Whether the environment of this atom contains the displaced atom.
    var isCenter: Bool
}

/// The shared state of a Hessian's threads.
private final class Shared: @unchecked Sendable {
    private let lock = NSLock()
    private var done = 0
    private var failure: (any Error)?

    var error: (any Error)? { lock.withLock { failure } }
    var hasFailed: Bool { lock.withLock { failure != nil } }

    func finishOne(_ body: (Int) throws -> Void) throws {
        try lock.withLock {
            done += 1
            try body(done)
        }
    }

    func fail(_ error: any Error) { lock.withLock { failure = failure ?? error } }
}

extension SOAPPotential {
    /// Radius of the largest environment of any element, Å.
    var reach: Double {
        parts.map { (try? $0.kernel.descriptor.soap(of: [$0.kernel.element]).edge) ?? 0 }.max() ?? 0
    }

    /// Returns ∂²E/∂r∂r: 3N×3N, row-major, eV/Å², symmetric.
    ///
    /// - Complexity: 6N force calls on the environment of one atom.
    public func hessian(
        _ atoms: Atoms, progress: @Sendable (_ done: Int, _ of: Int) throws -> Void
    ) throws -> [Double]? {
        try check(atoms)
        return try LocalHessian(potential: self, atoms: atoms).compute(progress: progress)
    }

    public func hessian(_ atoms: Atoms) throws -> [Double]? { try hessian(atoms) { _, _ in } }
}
