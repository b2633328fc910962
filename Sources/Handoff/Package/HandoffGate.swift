import Atomistics
import JobSpec

/// Checks of a structure before it is packaged.
enum HandoffGate {
    /// - Throws: ``HandoffRefusal`` with all reasons.
    static func check(_ request: HandoffRequest) throws(HandoffRefusal) {
        let atoms = request.atoms
        var reasons: [HandoffRefusal.Reason] = []
        if !Job.isName(request.job) { reasons.append(.unsafeName(request.job)) }
        if atoms.count == 0 { reasons.append(.noAtoms) }
        reasons += HandoffRefusal.reasons(ofCell: atoms, request.settings, charge: request.charge)
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
}

extension HandoffRequest {
    /// Checks everything that the package needs, before an expensive computation for it starts.
    ///
    /// - Throws: ``HandoffRefusal`` with all reasons.
    public func check() throws(HandoffRefusal) { try HandoffGate.check(self) }
}
