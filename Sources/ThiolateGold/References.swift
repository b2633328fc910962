import LinearAlgebra
import MinimalLearning

/// The reference environments of a class, ready for alignment with an input.
enum References: Sendable {
    case slots(PermutationAlignment)
    case shells(ShellAlignment)

    /// - Precondition: all environments belong to this class.
    init(_ environments: [Environment], _ atomClass: AtomClass, _ options: EnvironmentOptions) {
        if let permutations = Environment.permutations(atomClass) {
            let sets = environments.map { environment -> PointSet in
                guard case .slots(let set) = environment else {
                    preconditionFailure("\(atomClass.rawValue) is aligned by slots")
                }
                return set
            }
            self = .slots(
                PermutationAlignment(
                    references: sets, permutations: permutations, group: options.group))
        } else {
            let shells = environments.map { environment -> Shell in
                guard case .shell(let shell) = environment else {
                    preconditionFailure("\(atomClass.rawValue) is aligned by shells")
                }
                return shell
            }
            self = .shells(
                ShellAlignment(
                    references: shells, group: options.group, triangleCount: options.triangles))
        }
    }

    func align(_ input: Environment, into result: inout Alignments) {
        switch (self, input) {
        case (.slots(let references), .slots(let set)): references.align(set, into: &result)
        case (.shells(let references), .shell(let shell)): references.align(shell, into: &result)
        default: preconditionFailure("the environment belongs to another class")
        }
    }
}

/// The environments of a class that become references, in maximin order.
struct SelectedReferences {
    /// Indices in the pool.
    let indices: [Int]
    let scaling: MinMaxScaling
    /// Scaled descriptors, K×F.
    let descriptors: Matrix

    /// - Parameter count: largest number of references.
    init(_ pool: TrainingPool, count: Int, _ options: EnvironmentOptions) {
        let poolScaling = MinMaxScaling(fitting: pool.descriptors)
        let scaled = poolScaling(pool.descriptors)
        if let factor = options.candidates, factor * Double(count) < Double(scaled.rows) {
            var generator = SplitMix(seed: 0)
            let drawn = (0..<scaled.rows).shuffled(using: &generator).prefix(Int(factor * Double(count)))
                .sorted()
            indices = maximinSelection(
                of: scaled.selectingRows(drawn), count: count, start: options.start
            ).map { drawn[$0] }
        } else {
            indices = maximinSelection(of: scaled, count: count, start: options.start)
        }
        let chosen = pool.descriptors.selectingRows(indices)
        scaling = options.scaling == .selected ? MinMaxScaling(fitting: chosen) : poolScaling
        descriptors = scaling(chosen)
    }
}
