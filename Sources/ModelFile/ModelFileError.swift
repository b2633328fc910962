/// Why a model file cannot be read, or not be written.
public enum ModelFileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The operating system refused; `errno` is its number and `reason` its words.
    case system(path: String, operation: String, errno: Int32, reason: String)
    /// The file does not begin as a model file does.
    case notAModelFile(path: String)
    /// Written in a format that this program does not know.
    case unsupportedFormat(path: String, found: Int, supported: Int)
    /// Shorter (or longer) than it says of itself.
    case wrongLength(path: String, expected: UInt64, actual: UInt64)
    /// The bytes are not those that were written.
    case damaged(path: String, what: String)
    /// A model of another kind.
    case wrongKind(path: String, found: String, expected: String)
    /// The header does not decode as its owner's type.
    case header(path: String, reason: String)
    case missingTensor(path: String, name: String)
    /// A tensor of another element type or shape than its reader needs.
    case wrongTensor(path: String, name: String, found: String, expected: String)

    public var description: String {
        switch self {
        case .system(let path, let operation, _, let reason): "\(path): \(operation): \(reason)"
        case .notAModelFile(let path): "\(path): not an aurelax model file"
        case .unsupportedFormat(let path, let found, let supported):
            "\(path): model file format \(found); this aurelax reads format \(supported): "
                + "train the model again, or use the aurelax that wrote it"
        case .wrongLength(let path, let expected, let actual):
            "\(path): \(actual) bytes where the file says \(expected): "
                + "the copy is incomplete; copy or train it again"
        case .damaged(let path, let what):
            "\(path): \(what) does not match its checksum: the file is damaged; copy or train it again"
        case .wrongKind(let path, let found, let expected):
            "\(path): a model of kind '\(found)' where '\(expected)' is needed"
        case .header(let path, let reason): "\(path): header: \(reason)"
        case .missingTensor(let path, let name): "\(path): holds no tensor '\(name)'"
        case .wrongTensor(let path, let name, let found, let expected):
            "\(path): tensor '\(name)' is \(found) where \(expected) is needed"
        }
    }
}
