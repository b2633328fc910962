import LinearAlgebra
import MinimalLearning

/// The environments of a class that become references, in maximin order.
struct SelectedReferences {
    /// Indices in the pool.
    let indices: [Int]
    let scaling: MinMaxScaling
    /// K×F, scaled.
    let descriptors: Matrix

    /// - Parameter count: largest number of references.
    init(_ pool: TrainingPool, count: Int, _ options: EnvironmentOptions) {
        let poolScaling = MinMaxScaling(fitting: pool.descriptors)
        indices = maximinSelection(
            of: poolScaling(pool.descriptors), count: count, start: options.start)
        let chosen = pool.descriptors.selectingRows(indices)
        scaling = options.scaling == .selected ? MinMaxScaling(fitting: chosen) : poolScaling
        descriptors = scaling(chosen)
    }
}
