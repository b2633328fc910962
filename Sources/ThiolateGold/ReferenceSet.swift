import LinearAlgebra
import MinimalLearning
import ModelFile

/// A class's reference environments in a model file: scaled descriptors, and the neighbours for
/// alignment with an input.
struct ReferenceSet: Sendable {
    /// Number of references.
    let count: Int
    /// Scaling of the descriptors.
    private let scaling: MinMaxScaling
    private let centre: [Double]
    /// Scaled descriptors of the references, relative to ``centre``.
    private let descriptors: SingleMatrix
    private let squaredLengths: [Double]
    let environments: [Environment]
    private let options: EnvironmentOptions
    private let atomClass: AtomClass
    var alignedCount: Int { environments.count }

    /// The references, ready for alignment.
    var aligned: References { References(environments, atomClass, options) }

    /// Adds the tensors that ``init(_:_:_:features:)`` reads.
    static func write(
        _ atomClass: AtomClass, scaling: MinMaxScaling, descriptors: Matrix,
        environments: [Environment], into writer: inout ModelFileWriter<some Codable & Sendable>
    ) {
        let prefix = atomClass.rawValue + "/"
        writer.add(prefix + "scaling", shape: [2, descriptors.columns], scaling.minimum + scaling.range)
        let centred = CentredPoints(descriptors)
        writer.add(prefix + "centre", shape: [descriptors.columns], centred.centre)
        writer.add(
            prefix + "references", shape: [descriptors.rows, descriptors.columns], centred.values)
        writer.add(prefix + "squared-lengths", shape: [descriptors.rows], centred.squaredLengths)
        let packed = PackedEnvironments(environments)
        writer.add(
            prefix + "environments", shape: [environments.count, packed.slots, 3], packed.points)
        writer.add(prefix + "environment-marks", shape: [environments.count], packed.marks)
    }

    /// - Throws: ``ModelFileError``.
    init(
        _ file: ModelFile, _ atomClass: AtomClass, _ options: EnvironmentOptions, features: Int
    ) throws(ModelFileError) {
        let prefix = atomClass.rawValue + "/"
        let range = try file.float64(prefix + "scaling", shape: [2, features]).array
        scaling = MinMaxScaling(
            minimum: Array(range[..<features]), range: Array(range[features...]))
        if file.elementType(of: prefix + "references") == .float32 {
            centre = try file.float64(prefix + "centre", shape: [features]).array
            descriptors = try SingleMatrix(file, prefix + "references", rows: nil, columns: features)
            squaredLengths = try file.float64(prefix + "squared-lengths", shape: [descriptors.rows]).array
        } else {
            // Models of earlier versions store the descriptors in double precision and not centred.
            let stored = try file.float64(prefix + "references", shape: [nil, features])
            let points = CentredPoints(
                Matrix(rows: stored.shape[0], columns: features, storage: stored.array))
            centre = points.centre
            descriptors = SingleMatrix(rows: stored.shape[0], columns: features, points.values)
            squaredLengths = points.squaredLengths
        }
        count = descriptors.rows
        let points = try file.float64(prefix + "environments", shape: [nil, nil, 3])
        let marks = try file.int32(prefix + "environment-marks").array
        guard
            let environments = PackedEnvironments.unpack(
                atomClass, slots: points.shape[1], points: points.array, marks: marks)
        else { throw .damaged(path: file.path, what: "\(prefix)environments") }
        self.environments = environments
        (self.atomClass, self.options) = (atomClass, options)
    }

    /// Returns the distance of each input from every reference.
    ///
    /// - Parameter x: descriptors of the inputs, N×F, not scaled.
    /// - Returns: distances, N×count.
    func distances(of x: Matrix) -> Matrix {
        let scaled = scaling(x)
        return descriptors.withUnsafeBufferPointer { q in
            squaredLengths.withUnsafeBufferPointer {
                MinimalLearning.distances(scaled, toCentred: q, squaredLengths: $0, centre: centre)
            }
        }
    }
}

extension ModelFile {
    /// Returns the type of a tensor's elements; nil if there is no such tensor.
    fileprivate func elementType(of name: String) -> ElementType? {
        tensors.first { $0.name == name }?.type
    }

    /// Returns the tensor of this name and shape; nil in `shape` allows any extent.
    func float64(_ name: String, shape: [Int?]) throws(ModelFileError) -> Tensor<Double> {
        let tensor = try float64(name)
        try check(tensor.shape, of: name, is: shape)
        return tensor
    }

    /// - Throws: ``ModelFileError/wrongTensor(path:name:found:expected:)``.
    fileprivate func check(_ found: [Int], of name: String, is expected: [Int?]) throws(ModelFileError) {
        guard found.count == expected.count, zip(found, expected).allSatisfy({ $1 == nil || $0 == $1 })
        else {
            throw .wrongTensor(
                path: path, name: name, found: "of shape \(found)",
                expected: "[" + expected.map { $0.map(String.init) ?? "any" }.joined(separator: ", ") + "]")
        }
    }
}

/// A matrix in single precision, either in a model file or converted from double precision, which files of earlier
/// versions have.
struct SingleMatrix: Sendable {
    let rows: Int
    let columns: Int
    private let values: Values

    private enum Values {
        case mapped(Tensor<Float>)
        case converted([Float])
    }

    init(rows: Int, columns: Int, _ values: [Float]) {
        (self.rows, self.columns, self.values) = (rows, columns, .converted(values))
    }

    /// - Parameter rows: number of rows; nil allows any number.
    /// - Throws: ``ModelFileError``.
    init(_ file: ModelFile, _ name: String, rows: Int?, columns: Int) throws(ModelFileError) {
        let shape: [Int]
        if file.elementType(of: name) == .float64 {
            let tensor = try file.float64(name)
            (shape, values) = (tensor.shape, .converted(tensor.array.map(Float.init)))
        } else {
            let tensor = try file.float32(name)
            (shape, values) = (tensor.shape, .mapped(tensor))
        }
        try file.check(shape, of: name, is: [rows, columns])
        (self.rows, self.columns) = (shape[0], columns)
    }

    func withUnsafeBufferPointer<Result>(_ body: (UnsafeBufferPointer<Float>) -> Result) -> Result {
        switch values {
        case .mapped(let tensor): tensor.withUnsafeBufferPointer(body)
        case .converted(let array): array.withUnsafeBufferPointer(body)
        }
    }
}

/// Returns the product A B, computed in single precision.
func product(_ a: Matrix, _ b: SingleMatrix) -> Matrix {
    precondition(b.rows == a.columns, "product of mismatched shapes")
    let left = a.storage.map(Float.init)
    var result = [Float](repeating: 0, count: a.rows * b.columns)
    b.withUnsafeBufferPointer { right in
        multiply(
            m: a.rows, n: b.columns, k: a.columns, left, transposeA: false, right.baseAddress,
            transposeB: false, into: &result)
    }
    return Matrix(rows: a.rows, columns: b.columns, storage: result.map(Double.init))
}

/// Returns the product A B, where B is from a model file.
func product(_ a: Matrix, _ b: Tensor<Double>) -> Matrix {
    precondition(b.shape.count == 2 && b.shape[0] == a.columns, "product of mismatched shapes")
    var result = Matrix(rows: a.rows, columns: b.shape[1])
    a.storage.withUnsafeBufferPointer { left in
        b.withUnsafeBufferPointer { right in
            result.storage.withUnsafeMutableBufferPointer { c in
                multiply(
                    m: a.rows, n: b.shape[1], k: a.columns, left.baseAddress, transposeA: false,
                    right.baseAddress, transposeB: false, into: c.baseAddress)
            }
        }
    }
    return result
}

/// Environments of one class as arrays: the points, padded to the same number of slots, and one mark per environment.
/// The mark has a bit for each filled slot; for a shell it is the number of points, plus `anchor` if it has an anchor.
struct PackedEnvironments {
    var slots: Int
    var points: [Double] = []
    var marks: [Int32] = []

    private static let anchor: Int32 = 1 << 16

    init(_ environments: [Environment]) {
        let lists = environments.map { environment -> (points: [SIMD3<Double>], mark: Int32) in
            switch environment {
            case .slots(let set): (set.points, Int32(set.filled))
            case .shell(let shell):
                (shell.points, Int32(shell.points.count) | (shell.hasAnchor ? Self.anchor : 0))
            }
        }
        slots = lists.map(\.points.count).max() ?? 0
        for list in lists {
            for k in 0..<slots {
                let p = k < list.points.count ? list.points[k] : .zero
                points += [p.x, p.y, p.z]
            }
            marks.append(list.mark)
        }
    }

    /// Returns the environments in these arrays; nil if the arrays are inconsistent.
    static func unpack(
        _ atomClass: AtomClass, slots: Int, points: [Double], marks: [Int32]
    ) -> [Environment]? {
        guard points.count == marks.count * slots * 3 else { return nil }
        let expected = Environment.permutations(atomClass)?.first?.count
        guard expected == nil || expected == slots, slots <= 32 else { return nil }
        var environments: [Environment] = []
        for (j, mark) in marks.enumerated() {
            let vectors: [SIMD3<Double>] = (0..<slots).map { k in
                let start = (j * slots + k) * 3
                return [points[start], points[start + 1], points[start + 2]]
            }
            if expected != nil {
                environments.append(
                    .slots(PointSet((0..<slots).map { mark >> Int32($0) & 1 == 1 ? vectors[$0] : nil })))
            } else {
                let count = Int(mark & ~anchor)
                guard (0...slots).contains(count), mark & anchor == 0 || count > 0 else { return nil }
                environments.append(
                    .shell(Shell(points: Array(vectors.prefix(count)), hasAnchor: mark & anchor != 0)))
            }
        }
        return environments
    }
}
