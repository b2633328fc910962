import Glibc
public import SystemPackage

/// A failed system call, with its operands.
public struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
    public let code: Errno
    /// Name of the failed operation: `open`, `fsync`, `rename`, `list`, …
    public let operation: String
    public let path: FilePath

    public init(code: Errno, operation: String, path: FilePath) {
        self.code = code
        self.operation = operation
        self.path = path
    }

    /// True if the same call may succeed later without a change of the job: space, descriptors or memory ran
    /// out, or the medium is temporarily read-only or did not answer.
    public var isTransient: Bool { Self.transient.contains(code) && !isFatal }

    /// True if written data may be lost and a retry would hide that. Then the process must end, and recovery
    /// at the next start reads what is on the disk.
    public var isFatal: Bool {
        (operation == "fsync" || operation == "close") && code != .noSpace && code != .diskQuotaExceeded
    }

    private static let transient: Set<Errno> = [
        .noSpace, .diskQuotaExceeded, .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory,
        .resourceTemporarilyUnavailable, .resourceBusy, .readOnlyFileSystem, .staleNFSFileHandle, .ioError,
    ]

    public var description: String { "\(operation) \(path.escaped): \(code.description)" }
}

extension FilePath {
    /// The path as printable text: see ``escapedForDisplay(_:)``.
    public var escaped: String { withPlatformString { escapedForDisplay(DurableFiles.bytes(of: $0)) } }
}

extension FilePath.Component {
    /// The name as printable text: see ``escapedForDisplay(_:)``.
    public var escaped: String { withPlatformString { escapedForDisplay(DurableFiles.bytes(of: $0)) } }

    /// The name's bytes in the file system.
    public var bytes: [UInt8] { withPlatformString { DurableFiles.bytes(of: $0) } }

    /// Makes a name of these bytes; nil if they contain a slash or a NUL, are empty, `.` or `..`.
    public init?(bytes: [UInt8]) {
        guard !bytes.isEmpty, !bytes.contains(0), !bytes.contains(UInt8(ascii: "/")) else { return nil }
        let component = (bytes + [0]).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { chars in
                chars.baseAddress.flatMap { FilePath.Component(platformString: $0) }
            }
        }
        guard let component, component.kind == .regular else { return nil }
        self = component
    }
}

private func bytes(of pointer: UnsafePointer<CChar>) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: pointer, count: strlen(pointer)))
}

/// Returns any bytes as one line of text. Printable characters are kept; characters that move the cursor,
/// change the writing direction, are invisible or end a line become `\xNN`, and so do bytes that are not
/// UTF-8.
public func escapedForDisplay(_ bytes: [UInt8]) -> String {
    if bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) {
        return String(decoding: bytes, as: UTF8.self)
    }
    var result = ""
    var rest = bytes[...]
    while let first = rest.first {
        let width = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        let candidate = rest.prefix(width)
        if let text = String(validating: candidate, as: UTF8.self), let scalar = text.unicodeScalars.first,
            text.unicodeScalars.count == 1, isHarmless(scalar)
        {
            result.unicodeScalars.append(scalar)
            rest = rest.dropFirst(width)
        } else {
            let digits = String(first, radix: 16, uppercase: true)
            result += "\\x" + (digits.count == 1 ? "0" + digits : digits)
            rest = rest.dropFirst()
        }
    }
    return result
}

private func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    if scalar == "\\" { return false }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
        return false
    case .spaceSeparator: return scalar == " "
    default: return true
    }
}
