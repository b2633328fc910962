/// References for the alignment of point sets over a set of permitted permutations π. For the points p of an input and
/// the points s of reference j,
///
///     R_j, π = argmin_π g,   R = argmin_R Σ_k ‖p_k − R s_π(k)‖²,   g = 1/(1+M) Σ_k ‖p_k − R s_π(k)‖
///
/// M is the number of points other than the centre. If slots are empty in the input or the reference, only the points
/// that both have are used, and only permutations that keep the largest possible number of points.
/// R is computed from a quaternion, for four references at once; for planar points, g decides between rotation and
/// reflection.
///
/// - Source: eqs. 11, 12 of the paper (with R = U Vᵀ, which maps reference to input).
public struct PermutationAlignment: Sendable {
    public let count: Int
    private let slots: Int
    private let permutations: [[Int]]
    private let group: RotationGroup
    private let references: [PointSet]
    /// The points of the references in blocks of four references, ordered by block, slot, coordinate, lane.
    private let packed: [Double]
    private let blockIsComplete: [Bool]

    /// - Parameters:
    ///   - references: point sets that all have the same number of slots.
    ///   - permutations: for each slot of the input, the slot of the reference; must include the
    ///     identity.
    ///   - group: the permitted matrices.
    public init(references: [PointSet], permutations: [[Int]], group: RotationGroup) {
        let slots = permutations[0].count
        precondition(
            references.allSatisfy { $0.points.count == slots }, "all references have the same number of slots"
        )
        precondition(permutations.contains(Array(0..<slots)), "the permutations include the identity")
        count = references.count
        (self.slots, self.permutations, self.group) = (slots, permutations, group)
        self.references = references
        let blocks = (count + 3) / 4
        var packed = [Double](repeating: 0, count: blocks * slots * 12)
        var complete = [Bool](repeating: true, count: blocks)
        for j in 0..<4 * blocks {
            let reference = references[min(j, count - 1)]
            if !reference.isComplete { complete[j / 4] = false }
            for slot in 0..<slots {
                for c in 0..<3 {
                    packed[((j / 4 * slots + slot) * 3 + c) * 4 + j % 4] = reference.points[slot][c]
                }
            }
        }
        (self.packed, blockIsComplete) = (packed, complete)
    }

    /// Aligns every reference with the input.
    ///
    /// - Complexity: count × permutations alignments, about 0.1 µs each.
    public func align(_ input: PointSet, into result: inout Alignments) {
        precondition(
            input.points.count == slots && result.misfits.count == count,
            "input and result have the shape of the references")
        let p = input.points.map { LaneVector(repeating: $0) }
        result.rotations.withUnsafeMutableBufferPointer { rotations in
            guard let rotations = rotations.baseAddress else { return }
            for block in blockIsComplete.indices {
                if input.isComplete, blockIsComplete[block],
                    alignBlock(block, p, rotations, &result.misfits, &result.lowRank)
                {
                    continue
                }
                for j in 4 * block..<min(4 * block + 4, count) {
                    (result.misfits[j], result.lowRank[j]) = alignOne(
                        input, references[j], rotations + 9 * j)
                }
            }
        }
    }

    /// Aligns four complete references at once; returns false if an alignment is undetermined because the points are
    /// collinear.
    private func alignBlock(
        _ block: Int, _ p: [LaneVector], _ rotations: UnsafeMutablePointer<Double>,
        _ misfits: inout [Double], _ lowRank: inout [Bool]
    ) -> Bool {
        var best = LaneMatrix()
        var bestMisfit = Lanes(repeating: .infinity)
        let fitted = packed.withUnsafeBufferPointer { packed in
            p.withUnsafeBufferPointer { p in
                let s = LanePoints(base: packed.baseAddress.unsafelyUnwrapped + block * slots * 12)
                // The largest eigenvalue is at most √(Σ‖p‖² Σ‖s‖²), and near it for a good fit.
                var (pp, ss) = (Lanes.zero, Lanes.zero)
                for k in p.indices {
                    let s = s[k]
                    pp += p[k].squaredLength
                    ss += s.squaredLength
                }
                let bound = (pp * ss).squareRoot() * (1 + 1e-14)
                for permutation in permutations {
                    let done = permutation.withUnsafeBufferPointer { order in
                        candidate(p, s, order, bound, &best, &bestMisfit)
                    }
                    if !done { return false }
                }
                return true
            }
        }
        guard fitted else { return false }
        for lane in 0..<min(4, count - 4 * block) {
            best.store(lane: lane, to: rotations + 9 * (4 * block + lane))
            misfits[4 * block + lane] = bestMisfit[lane]
            lowRank[4 * block + lane] = false
        }
        return true
    }

    /// Tries one permutation; returns false if the points of one lane are collinear.
    @inline(__always)
    private func candidate(
        _ p: UnsafeBufferPointer<LaneVector>, _ s: LanePoints, _ order: UnsafeBufferPointer<Int>,
        _ bound: Lanes, _ best: inout LaneMatrix, _ bestMisfit: inout Lanes
    ) -> Bool {
        var a = LaneMatrix()
        for k in p.indices { a.add(p[k], s[order[k]]) }
        let invariants = LaneInvariants(a)
        if any(invariants.collinear) { return false }
        let planar = invariants.planar
        let improper = (invariants.determinant .< 0) .& .!planar
        let flip =
            group == .o3
            ? Lanes(repeating: 1).replacing(with: -1, where: improper) : Lanes(repeating: 1)
        func consider(_ flip: Lanes, where allowed: SIMDMask<Lanes.MaskStorage>?) {
            let r = properRotation(
                a.scaled(by: flip), invariants.flipped(by: flip), startingAt: bound
            ).scaled(by: flip)
            let misfit = Self.misfit(p, s, order, r)
            // The reflection of planar points is chosen only if it is better than the rotation by more than the
            // rounding error.
            var better = misfit .< bestMisfit
            if let allowed { better = (misfit .< bestMisfit - Self.margin) .& allowed }
            bestMisfit.replace(with: misfit, where: better)
            best.replace(with: r, where: better)
        }
        consider(flip, where: nil)
        if group == .o3, any(planar) { consider(-flip, where: planar) }
        return true
    }

    /// The minimum advantage of a reflection of planar points over the rotation, Å.
    private static let margin = 1e-10

    @inline(__always)
    private static func misfit(
        _ p: UnsafeBufferPointer<LaneVector>, _ s: LanePoints, _ order: UnsafeBufferPointer<Int>,
        _ r: LaneMatrix
    ) -> Lanes {
        var sum = Lanes.zero
        for k in p.indices {
            let moved = r(s[order[k]])
            let (x, y, z) = (p[k].x - moved.x, p[k].y - moved.y, p[k].z - moved.z)
            sum += (x * x + y * y + z * z).squareRoot()
        }
        return sum / Double(p.count + 1)
    }

    /// Aligns one reference, using the slots that are filled in both the reference and the input.
    private func alignOne(
        _ input: PointSet, _ reference: PointSet, _ out: UnsafeMutablePointer<Double>
    ) -> (misfit: Double, lowRank: Bool) {
        func common(_ order: [Int]) -> [Int] {
            order.indices.filter { k in
                input.filled >> UInt32(k) & 1 == 1 && reference.filled >> UInt32(order[k]) & 1 == 1
            }
        }
        let most = permutations.map { common($0).count }.max() ?? 0
        var best: (r: Rotation3, misfit: Double, lowRank: Bool)?
        for order in permutations {
            let slots = common(order)
            guard slots.count == most, most > 0 else { continue }
            let p = slots.map { input.points[$0] }
            let s = slots.map { reference.points[order[$0]] }
            for (r, lowRank) in Self.rotations(p, s, group) {
                let misfit =
                    zip(p, s).reduce(0.0) { sum, pair in
                        let e = pair.0 - r * pair.1
                        return sum + dot(e, e).squareRoot()
                    } / Double(most + 1)
                if best.map({ misfit < $0.misfit - Self.margin }) ?? true { best = (r, misfit, lowRank) }
            }
        }
        guard let best else { return (.infinity, true) }
        best.r.store(out)
        return (best.misfit, best.lowRank)
    }

    /// Returns the candidate rotations for paired points: one, or two if the points are planar.
    private static func rotations(
        _ p: [SIMD3<Double>], _ s: [SIMD3<Double>], _ group: RotationGroup
    ) -> [(Rotation3, lowRank: Bool)] {
        var a = LaneMatrix()
        for (p, s) in zip(p, s) { a.add(LaneVector(repeating: p), LaneVector(repeating: s)) }
        let invariants = LaneInvariants(a)
        if invariants.collinear[0] {
            guard let k = p.indices.max(by: { dot(s[$0], s[$0]) < dot(s[$1], s[$1]) }),
                dot(s[k], s[k]) > 0, dot(p[k], p[k]) > 0
            else { return [] }
            return [(.minimal(from: s[k], to: p[k]), true)]
        }
        func rotation(_ flip: Double) -> Rotation3 {
            let sign = Lanes(repeating: flip)
            let r = properRotation(
                a.scaled(by: sign), invariants.flipped(by: sign),
                startingAt: (3 * invariants.square).squareRoot()
            ).scaled(by: sign)
            return withUnsafeTemporaryAllocation(of: Double.self, capacity: 9) { buffer in
                let base = buffer.baseAddress.unsafelyUnwrapped
                r.store(lane: 0, to: base)
                return Rotation3(UnsafePointer(base))
            }
        }
        if group == .so3 { return [(rotation(1), false)] }
        if invariants.planar[0] { return [(rotation(1), false), (rotation(-1), false)] }
        return [(rotation(invariants.determinant[0] < 0 ? -1 : 1), false)]
    }
}

/// The points of four references, in the order slot, coordinate, lane.
struct LanePoints {
    let base: UnsafePointer<Double>

    @inline(__always) subscript(slot: Int) -> LaneVector {
        let p = base + 12 * slot
        return LaneVector(load4(p), load4(p + 4), load4(p + 8))
    }
}
