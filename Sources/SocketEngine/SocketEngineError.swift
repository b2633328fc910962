/// The reason why the communication over a socket failed.
public enum SocketEngineError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A system call failed. The values are its name, `errno`, and the socket or file that it was called for.
    case system(call: String, code: Int32, subject: String)
    /// An address cannot be used. The value is the reason.
    case address(String)
    /// No engine connected within this number of seconds.
    case noConnection(seconds: Double)
    /// The peer neither sent nor received anything for this number of seconds.
    case timeout(waitingFor: String, seconds: Double)
    /// The peer closed the connection.
    case closed(during: String)
    /// The peer violated the protocol.
    case protocolViolation(String)
    /// The peer's number of atoms differs from the number sent to it.
    case atomCount(expected: Int, received: Int)
    /// The peer sent a number that is not finite. The value is the name of the quantity.
    case notFinite(String)
    /// The caller asked to stop.
    case stopped
    /// The peer's process ended.
    case processEnded(status: String, lastLines: [String])
    /// The peer's program could not be started.
    case notStarted(program: String, reason: String)

    /// `errno` of the system call that failed; nil for other errors.
    var code: Int32? {
        if case .system(_, let code, _) = self { code } else { nil }
    }

    public var description: String {
        switch self {
        case .system(let call, let code, let subject):
            "\(call) failed for \(subject): \(SocketCalls.message(of: code))"
        case .address(let why): why
        case .noConnection(let seconds): "the engine did not connect within \(Self.text(seconds)) s"
        case .timeout(let what, let seconds):
            "no answer within \(Self.text(seconds)) s while waiting for \(what)"
        case .closed(let what): "the connection was closed by the other end while waiting for \(what)"
        case .protocolViolation(let what): "the other end violates the i-PI protocol: \(what)"
        case .atomCount(let expected, let received):
            "the other end answered with \(received) \(received == 1 ? "atom" : "atoms"), expected \(expected)"
        case .notFinite(let what): "\(what) from the other end is not a finite number"
        case .stopped: "stopped"
        case .processEnded(let status, let lines):
            "the engine's process ended (\(status))"
                + (lines.isEmpty ? "" : "; its last lines: " + lines.joined(separator: " | "))
        case .notStarted(let program, let reason): "\(program) could not be started: \(reason)"
        }
    }

    private static func text(_ seconds: Double) -> String {
        seconds == seconds.rounded() ? "\(Int(seconds))" : "\(seconds)"
    }
}
