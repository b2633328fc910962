public import Atomistics
public import JobSpec
import ThiolateGold

extension MoveSelection {
    /// True for each atom of the structure that may move; nil where all may.
    public func mask(for atoms: Atoms) -> [Bool]? {
        switch self {
        case .all: return nil
        case .mask: return atoms.moveMask
        case .indices(let indices):
            var mask = [Bool](repeating: false, count: atoms.count)
            for i in indices where mask.indices.contains(i) { mask[i] = true }
            return mask
        case .shell: return Classification(atoms).classes.map { $0 != .coreGold }
        case .core: return Classification(atoms).classes.map { $0 == .coreGold }
        }
    }
}
