import Atomistics
public import MinimalLearning

/// The neighbours of an atom that are used to align it with another atom of its class.
///
/// | class | points after the centre | permutations |
/// |---|---|---|
/// | H | nearest C; the two nearest other H to that C | the two H |
/// | C | nearest S; three nearest H | the three H |
/// | S | nearest C; two nearest Au | the two Au |
/// | unit Au | two blocks of (S, nearest C to it, nearest other Au to it), nearest S first | the blocks |
/// | half unit | one block | either block of a full unit |
/// | core Au | S within 3.0 Å, then Au within 5.0 Å by distance, twelve at most | triangles |
///
/// Ties in "nearest" go to the lower index, so forces on an exactly symmetric structure are
/// symmetric only up to that choice.
///
/// - Source: section III.C of the paper.
public enum Environment: Sendable, Equatable {
    case slots(PointSet)
    case shell(Shell)

    public static func permutations(_ atomClass: AtomClass) -> [[Int]]? {
        switch atomClass {
        case .hydrogen, .sulfur: [[0, 1, 2], [0, 2, 1]]
        case .carbon:
            [[0, 1, 2, 3], [0, 1, 3, 2], [0, 2, 1, 3], [0, 2, 3, 1], [0, 3, 1, 2], [0, 3, 2, 1]]
        case .unitGold: [[0, 1, 2, 3, 4, 5], [3, 4, 5, 0, 1, 2]]
        case .coreGold: nil
        }
    }

    /// Number of nearest neighbours whose orders define the axes of core gold.
    private static let axisNeighbours = 4

    /// Returns the neighbours in every order that defines axes: the permutations of the class; for core gold, every
    /// order of three of the four nearest neighbours.
    func localFrames(_ atomClass: AtomClass) -> LocalFrames {
        switch self {
        case .slots(let set):
            let points = set.points.indices.map { set.filled >> UInt32($0) & 1 == 1 ? set.points[$0] : nil }
            return LocalFrames(
                (Self.permutations(atomClass) ?? []).map { order in order.map { points[$0] } })
        case .shell(let shell):
            let near = shell.points.sorted { $0.squaredLength < $1.squaredLength }
                .prefix(Self.axisNeighbours)
            return LocalFrames(
                near.indices.flatMap { a in
                    near.indices.flatMap { b in
                        near.indices.compactMap { c in
                            a == b || b == c || c == a ? nil : [near[a], near[b], near[c]]
                        }
                    }
                })
        }
    }

    /// Whether every point that the class needs is present.
    public var isComplete: Bool {
        switch self {
        case .slots(let set): set.isComplete
        case .shell(let shell): shell.points.count >= 3
        }
    }
}

/// Finds the environments of the atoms in a structure.
struct EnvironmentFinder {
    private static let sulfurRadius = 3.0
    private static let goldRadius = 5.0
    private static let shellSize = 12
    /// Lengths, Å, beyond which a pair is hardly bonded, so that the environment is doubtful.
    private static let longestBond: [Set<Element>: Double] = [
        [.carbon, .hydrogen]: 1.6, [.carbon, .sulfur]: 2.4, [.sulfur, .gold]: 3.5,
    ]

    private let positions: [SIMD3<Double>]
    private let elements: [Element]
    private let indices: [Element: [Int]]

    init(_ atoms: Atoms) {
        positions = atoms.positions
        elements = atoms.elements
        indices = Dictionary(grouping: atoms.elements.indices) { atoms.elements[$0] }
    }

    /// Returns the environment of atom i, and whether one of its bonds is longer than `longestBond`.
    func environment(
        of i: Int, _ atomClass: AtomClass, halfUnit: Bool
    ) -> (environment: Environment, stretched: Bool) {
        var stretched = false
        func vector(_ j: Int?) -> SIMD3<Double>? { j.map { positions[$0] - positions[i] } }
        func bonded(_ j: Int?, to k: Int) -> Int? {
            if let j, let limit = Self.longestBond[[elements[j], elements[k]]],
                (positions[j] - positions[k]).squaredLength > limit * limit
            {
                stretched = true
            }
            return j
        }
        func at<T>(_ list: [T], _ k: Int) -> T? { k < list.count ? list[k] : nil }
        switch atomClass {
        case .hydrogen:
            let carbon = bonded(nearest(.carbon, to: i, 1).first, to: i)
            let others = carbon.map { nearest(.hydrogen, to: $0, 2, except: i) } ?? []
            for h in others { _ = bonded(h, to: carbon ?? i) }
            return (
                .slots(PointSet([vector(carbon), vector(at(others, 0)), vector(at(others, 1))])),
                stretched
            )
        case .carbon:
            let sulfur = bonded(nearest(.sulfur, to: i, 1).first, to: i)
            let hydrogens = nearest(.hydrogen, to: i, 3).compactMap { bonded($0, to: i) }
            return (
                .slots(PointSet([vector(sulfur)] + (0..<3).map { vector(at(hydrogens, $0)) })),
                stretched
            )
        case .sulfur:
            let carbon = bonded(nearest(.carbon, to: i, 1).first, to: i)
            let golds = nearest(.gold, to: i, 2).compactMap { bonded($0, to: i) }
            return (
                .slots(PointSet([vector(carbon), vector(at(golds, 0)), vector(at(golds, 1))])),
                stretched
            )
        case .unitGold:
            let sulfurs = nearest(.sulfur, to: i, halfUnit ? 1 : 2).compactMap { bonded($0, to: i) }
            let blocks: [[SIMD3<Double>?]] = (0..<2).map { k in
                guard let s = at(sulfurs, k) else { return [nil, nil, nil] }
                return [
                    vector(s), vector(nearest(.carbon, to: s, 1).first),
                    vector(nearest(.gold, to: s, 1, except: i).first),
                ]
            }
            return (.slots(PointSet(blocks[0] + blocks[1])), stretched)
        case .coreGold:
            let sulfur = nearest(.sulfur, to: i, 1, within: Self.sulfurRadius)
            let golds = nearest(
                .gold, to: i, Self.shellSize - sulfur.count, except: i, within: Self.goldRadius)
            return (
                .shell(
                    Shell(
                        points: (sulfur + golds).map { positions[$0] - positions[i] },
                        hasAnchor: !sulfur.isEmpty)),
                false
            )
        }
    }

    /// Returns the `count` nearest atoms of an element within `radius` of atom i, by distance, without i and `except`.
    private func nearest(
        _ element: Element, to i: Int, _ count: Int, except: Int? = nil,
        within radius: Double = .infinity
    ) -> [Int] {
        var found: [(squared: Double, index: Int)] = []
        for j in indices[element] ?? [] where j != i && j != except {
            let squared = (positions[j] - positions[i]).squaredLength
            guard squared <= radius * radius, found.count < count || squared < found[count - 1].squared
            else { continue }
            let place = found.firstIndex { squared < $0.squared } ?? found.count
            found.insert((squared, j), at: place)
            if found.count > count { found.removeLast() }
        }
        return found.map(\.index)
    }
}
