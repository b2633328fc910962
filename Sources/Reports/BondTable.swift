import Atomistics
import Foundation

/// A table of bond lengths in two geometries of the same atoms, with a row for each kind of bond and geometry; and the
/// bonds that only one of the geometries has.
struct BondTable {
    /// Cells of each row: kind of bond, geometry, number of bonds, mean, shortest and longest length in Å.
    let rows: [[String]]
    /// Sentences that name the bonds that broke and formed. Contacts between two metal atoms are only counted in the
    /// table.
    let changes: [String]

    /// Largest number of bonds that a sentence names; the others are counted.
    private static let named = 6

    init(_ initial: Atoms, _ final: Atoms) {
        let (before, after) = (Pairs(initial), Pairs(final))
        let kinds = Set(before.kinds.keys).union(after.kinds.keys)
        rows = kinds.sorted().flatMap { kind in
            [("as given", before), ("at the end", after)].map { name, pairs in
                let lengths = pairs.kinds[kind] ?? []
                let cells: [String]
                if let low = lengths.min(), let high = lengths.max() {
                    let mean = lengths.reduce(0, +) / Double(lengths.count)
                    cells = ["\(lengths.count)"] + [mean, low, high].map { String(format: "%.3f", $0) }
                } else {
                    cells = ["0", "–", "–", "–"]
                }
                return ["\(kind) up to \(String(format: "%.2f", kind.cutoff)) Å", name] + cells
            }
        }
        guard initial.elements == final.elements else {
            changes = []
            return
        }
        func distance(_ pair: SIMD2<Int>, _ atoms: Atoms) -> Double {
            (atoms.positions[pair.x] - atoms.positions[pair.y]).length
        }
        func sentence(_ pairs: [(pair: SIMD2<Int>, kind: BondKind)], _ verb: String) -> String? {
            guard !pairs.isEmpty else { return nil }
            let names = pairs.prefix(Self.named).map { pair, _ in
                let (a, b) = (initial.elements[pair.x].symbol, initial.elements[pair.y].symbol)
                let lengths = String(format: "%.2f → %.2f Å", distance(pair, initial), distance(pair, final))
                return "\(a) \(pair.x)–\(b) \(pair.y) (\(lengths))"
            }
            let rest = pairs.count - names.count
            return
                "\(pairs.count) \(pairs.count == 1 ? "bond" : "bonds") \(verb): \(names.joined(separator: ", "))"
                + (rest > 0 ? " and \(rest) more" : "") + "; atoms are counted from 0."
        }
        // A bond counts as broken only if the distance is above the cutoff by more than a sixth, because a smaller
        // stretch may be a vibration. The same holds for a bond that formed.
        let broken = before.pairs.filter {
            !$0.kind.isMetallic && distance($0.pair, final) > 1.16 * $0.kind.cutoff
        }
        let formed = after.pairs.filter {
            !$0.kind.isMetallic && distance($0.pair, initial) > 1.16 * $0.kind.cutoff
        }
        changes =
            broken.isEmpty && formed.isEmpty
            ? ["No bond broke or formed."]
            : [sentence(broken, "broke"), sentence(formed, "formed")].compactMap(\.self)
    }

    /// The bonded pairs of a structure.
    private struct Pairs {
        var pairs: [(pair: SIMD2<Int>, kind: BondKind)] = []
        var kinds: [BondKind: [Double]] = [:]

        init(_ atoms: Atoms) {
            let present = Set(atoms.elements)
            let reach = present.flatMap { a in present.map { BondKind(a, $0).cutoff } }.max() ?? 1
            guard let neighbors = try? NeighborList(atoms, cutoff: reach) else { return }
            for i in 0..<atoms.count {
                for slot in neighbors.range(of: i) where neighbors.indices[slot] > i {
                    let j = neighbors.indices[slot]
                    let kind = BondKind(atoms.elements[i], atoms.elements[j])
                    let distance = neighbors.squaredDistances[slot].squareRoot()
                    guard distance < kind.cutoff else { continue }
                    pairs.append((SIMD2(i, j), kind))
                    kinds[kind, default: []].append(distance)
                }
            }
        }
    }
}

/// Two elements between whose atoms there are bonds, the heavier one first: `Au–S`, `S–C`, `C–H`.
struct BondKind: Hashable, Comparable, CustomStringConvertible {
    private let heavier: Element
    private let lighter: Element

    init(_ a: Element, _ b: Element) {
        (heavier, lighter) = a.atomicNumber < b.atomicNumber ? (b, a) : (a, b)
    }

    var isMetallic: Bool { !heavier.isNonMetal && !lighter.isNonMetal }

    /// Largest distance at which two such atoms count as bonded, Å.
    var cutoff: Double {
        switch (heavier.symbol, lighter.symbol) {
        case ("Au", "Au"): 3.5
        case ("Au", "S"): 2.8
        default:
            (isMetallic ? 1.3 : 1.2) * ((heavier.covalentRadius ?? 1.5) + (lighter.covalentRadius ?? 1.5))
        }
    }

    var description: String { "\(heavier.symbol)–\(lighter.symbol)" }

    static func < (a: BondKind, b: BondKind) -> Bool {
        (b.heavier.atomicNumber, b.lighter.atomicNumber) < (a.heavier.atomicNumber, a.lighter.atomicNumber)
    }
}
