public import SystemPackage

/// The address of a socket, for the end that listens and for the end that connects.
public enum SocketAddress: Sendable, Equatable, CustomStringConvertible {
    /// A UNIX socket: the path of its file.
    case unix(FilePath)
    /// A TCP port of a loopback address (`127.0.0.1`, `::1`).
    case tcp(host: String, port: UInt16)

    /// The beginning of the paths that ASE, Quantum ESPRESSO and other programs give their UNIX sockets.
    public static let prefix = "/tmp/ipi_"

    /// Parses an address in the form in which users write it.
    ///
    /// `HOST:PORT` is a TCP address. A text with a slash is the path of a UNIX socket. Any other text is a name and
    /// means `/tmp/ipi_NAME`, as in i-PI.
    public init(argument text: String) throws(SocketEngineError) {
        guard !text.isEmpty, !text.utf8.contains(0) else { throw .address("the address is empty") }
        if text.contains("/") {
            self = .unix(FilePath(text))
        } else if let colon = text.lastIndex(of: ":") {
            let (host, digits) = (String(text[..<colon]), text[text.index(after: colon)...])
            guard let port = UInt16(digits), port > 0 else {
                throw .address("‘\(digits)’ is not a port (1 to 65535) in ‘\(text)’")
            }
            self = try .loopback(host, port)
        } else {
            self = .unix(FilePath(Self.prefix + text))
        }
        try check()
    }

    /// - Throws: an error if the host is not this machine. The protocol has no authentication, so forces from another
    ///   host cannot be trusted.
    public static func loopback(_ host: String, _ port: UInt16) throws(SocketEngineError) -> SocketAddress {
        switch host {
        case "localhost", "127.0.0.1", "": .tcp(host: "127.0.0.1", port: port)
        case "::1", "[::1]": .tcp(host: "::1", port: port)
        default:
            throw .address(
                "‘\(host)’ is not a loopback address; use 127.0.0.1 and a tunnel, because the protocol has "
                    + "no authentication")
        }
    }

    /// Longest path of a UNIX socket on Linux, bytes, without the zero at the end.
    static let longestPath = 107

    func check() throws(SocketEngineError) {
        guard case .unix(let path) = self else { return }
        guard path.string.utf8.count <= Self.longestPath else {
            throw .address(
                "the path of the socket is longer than Linux's limit of \(Self.longestPath) bytes: "
                    + path.string)
        }
    }

    public var description: String {
        switch self {
        case .unix(let path): path.string
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}

/// Makes folders for UNIX sockets that only the current user can enter.
public enum PrivateFolder {
    /// Makes a new folder.
    ///
    /// - Parameter template: a path that ends in `XXXXXX`.
    public static func make(_ template: String) throws(SocketEngineError) -> FilePath {
        try SocketCalls.makePrivateFolder(template)
    }
}
