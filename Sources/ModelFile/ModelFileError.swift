/// The reason why a model file cannot be read or written.
public enum ModelFileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A system call failed; `errno` is the error number and `reason` its description.
    case system(path: String, operation: String, errno: Int32, reason: String)
    /// The file does not begin with the signature of a model file.
    case notAModelFile(path: String)
    /// The file has a format version that this program does not support.
    case unsupportedFormat(path: String, found: Int, supported: Int)
    /// The length of the file differs from the length that its header states.
    case wrongLength(path: String, expected: UInt64, actual: UInt64)
    /// The bytes do not match their checksum.
    case damaged(path: String, what: String)
    /// The model is not of the expected kind.
    case wrongKind(path: String, found: String, expected: String)
    /// The header cannot be decoded.
    case header(path: String, reason: String)
    case missingTensor(path: String, name: String)
    /// A tensor has another element type or shape than the reader needs.
    case wrongTensor(path: String, name: String, found: String, expected: String)

    public var description: String {
        switch self {
        case .system(let path, let operation, _, let reason): "\(path): \(operation): \(reason)"
        case .notAModelFile(let path): "\(path): this is not an aurelax model file"
        case .unsupportedFormat(let path, let found, let supported):
            "\(path): model file format \(found); this aurelax reads format \(supported): "
                + "train the model again, or use the aurelax that wrote it"
        case .wrongLength(let path, let expected, let actual):
            "\(path): the file has \(actual) bytes, but its header states \(expected), so the copy is incomplete; "
                + "copy the file or train the model again"
        case .damaged(let path, let what):
            "\(path): \(what) does not match its checksum, so the file is damaged; copy the file or train the model again"
        case .wrongKind(let path, let found, let expected):
            "\(path): the model is of kind '\(found)', expected '\(expected)'"
        case .header(let path, let reason): "\(path): header: \(reason)"
        case .missingTensor(let path, let name): "\(path): the tensor '\(name)' is missing"
        case .wrongTensor(let path, let name, let found, let expected):
            "\(path): the tensor '\(name)' is \(found), expected \(expected)"
        }
    }
}
