import Atomistics
import FoundationEssentials

/// What is looked at before a structure is packaged.
enum HandoffGate {
    /// - Throws: ``HandoffRefusal`` with every reason that was found.
    static func check(_ request: HandoffRequest) throws(HandoffRefusal) {
        let atoms = request.atoms
        var reasons: [HandoffRefusal.Reason] = []
        if !isSafe(request.job) { reasons.append(.unsafeName(request.job)) }
        if atoms.count == 0 { reasons.append(.noAtoms) }
        if atoms.periodicity.isPeriodic { reasons.append(.periodic) }
        reasons += request.options.geometry.problems(in: atoms, comparedWith: request.reference)
            .map { .geometry($0) }
        if let movable = request.movable {
            if movable.count != atoms.count {
                reasons.append(.wrongMask(count: movable.count, atoms: atoms.count))
            } else if !movable.contains(true) {
                reasons.append(.nothingMoves)
            }
        }
        if let hessian = request.hessian {
            if hessian.count != 9 * atoms.count * atoms.count {
                reasons.append(.wrongHessian(count: hessian.count, atoms: atoms.count))
            }
            if !hessian.allSatisfy(\.isFinite) { reasons.append(.hessianNotFinite) }
        }
        guard reasons.isEmpty else { throw HandoffRefusal(reasons: reasons) }
    }

    /// Letters, digits, `-`, `_` and `.`, beginning with a letter or digit, at most 64.
    private static func isSafe(_ name: String) -> Bool {
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        }
        return name.utf8.count <= 64 && name.utf8.first.map(isAlphanumeric) == true
            && name.utf8.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }
}
