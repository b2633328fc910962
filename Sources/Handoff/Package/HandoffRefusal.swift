public import Atomistics
import JobSpec

/// The refusal of a structure for the hand-off, with all reasons.
public struct HandoffRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Reason: Sendable, Equatable, CustomStringConvertible {
        /// The job's name has characters that are not allowed in a file name or a batch script.
        case unsafeName(String)
        case noAtoms
        /// The lattice vectors span no volume.
        case flatCell
        /// The cell is periodic and the job is charged, which is refused for GPAW.
        case chargedCell(Int)
        /// This geometry of a path has another cell than the path's first geometry.
        case otherCell(step: Int)
        case wrongMask(count: Int, atoms: Int)
        case nothingMoves
        case wrongHessian(count: Int, atoms: Int)
        case hessianNotFinite
        /// This geometry of a path has other elements than the path's first geometry, or has them in another order.
        case otherAtoms(step: Int)
        case notFinite(step: Int)
        /// The geometry is unsuitable as the start of a calculation.
        case geometry(GeometryProblem)

        public var description: String {
            switch self {
            case .unsafeName(let name):
                "the job name \(name.debugDescription) may only contain letters, digits, '-', '_' and '.'"
            case .noAtoms: "there are no atoms to hand off"
            case .flatCell: "the structure is periodic, but its lattice vectors span no volume"
            case .chargedCell(let charge):
                "a periodic cell with a charge of \(charge) has no well-defined energy in GPAW"
            case .otherCell(let step): "the geometry of step \(step) has another cell"
            case .wrongMask(let count, let atoms):
                "the move mask has \(count) entries for \(counted(atoms, "atom"))"
            case .nothingMoves: "no atom may move, so there is nothing to relax"
            case .wrongHessian(let count, let atoms):
                "the Hessian has \(count) numbers, not (3·\(atoms))² = \(9 * atoms * atoms)"
            case .hessianNotFinite: "the Hessian has a value that is not a number"
            case .otherAtoms(let step):
                "the geometry of step \(step) has other atoms, or a different order of atoms"
            case .notFinite(let step): "a coordinate of step \(step) is not a number"
            case .geometry(let problem): problem.description
            }
        }
    }

    /// Returns the reasons to refuse the cell of a structure; an empty list if there are none.
    static func reasons(ofCell atoms: Atoms, _ settings: DFTStage, charge: Int) -> [Reason] {
        guard atoms.periodicity.isPeriodic else { return [] }
        guard let cell = atoms.cell, cell.volume != 0, cell.volume.isFinite else { return [.flatCell] }
        return settings.engine == .gpaw && charge != 0 ? [.chargedCell(charge)] : []
    }

    /// All reasons; never empty.
    public let reasons: [Reason]

    /// The reasons, grouped by kind: the first three of a kind are named, the rest are counted.
    public var description: String {
        let problems = reasons.compactMap { reason in
            if case .geometry(let problem) = reason { problem } else { nil }
        }
        let others = reasons.filter { reason in
            if case .geometry = reason { false } else { true }
        }
        return (others.map(\.description) + GeometryProblem.summaries(of: problems)).joined(separator: "; ")
    }
}
