import Synchronization
public import SystemPackage

/// A program that runs in its own session and process group. It is ended at the latest when this object is released or
/// when this process ends for any reason.
public final class EngineProcess: Sendable {
    /// The file to which the program's standard output and error are appended.
    public let log: FilePath
    private let program: String
    private let state: Mutex<State>

    private struct State {
        var identifier: Int32
        /// One socket of a pair. When it is closed, by this program or by the kernel, the process group is killed.
        var lifeline: Int32
        var status: Int32?
    }

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - command: program and arguments; a program without a slash is searched for in PATH.
    ///   - environment: the complete environment.
    ///   - folder: the program's working folder.
    public init(
        _ command: [String], environment: [String: String], folder: FilePath, log: FilePath
    ) throws(SocketEngineError) {
        (program, self.log) = (command.first ?? "", log)
        let arguments = ["/bin/sh", "-c", Self.script, "sh", folder.string] + command
        let (identifier, lifeline) = try SocketCalls.spawn(
            arguments, environment: environment.map { "\($0.key)=\($0.value)" }.sorted(), log: log)
        state = Mutex(State(identifier: identifier, lifeline: lifeline, status: nil))
    }

    deinit { end(grace: .zero) }

    /// A subshell waits at the other socket of the pair while the program runs. When this process ends, the kernel
    /// closes its socket, and the subshell kills the process group.
    private static let script = """
        exec 3<&0 0</dev/null
        cd "$1" || exit 127
        shift
        ( read -r _ <&3; kill -KILL 0 ) &
        "$@" 3<&-
        exit $?
        """

    /// A description of how the program ended; nil while it runs.
    public var ending: String? {
        state.withLock { state in
            Self.collect(&state)
            return state.status.map(SocketCalls.describe(status:))
        }
    }

    /// - Throws: ``SocketEngineError/processEnded(status:lastLines:)`` if the program no longer runs.
    public func check() throws(SocketEngineError) {
        if let ending { throw .processEnded(status: ending, lastLines: lastLines()) }
    }

    /// Returns the last lines that the program printed, without control characters, at most `count`.
    public func lastLines(_ count: Int = 4) -> [String] {
        guard let bytes = SocketCalls.tail(of: log, bytes: 8192) else { return [] }
        return bytes.split(separator: 10).suffix(count).map { line in
            String(
                String.UnicodeScalarView(
                    String(decoding: line.prefix(300), as: UTF8.self).unicodeScalars.filter {
                        $0.properties.generalCategory != .control
                    }))
        }
    }

    /// Ends the whole process group: asks it to end, waits for `grace`, and then kills it.
    public func end(grace: Duration = .seconds(2)) {
        state.withLock { state in
            Self.collect(&state)
            let end = ContinuousClock.now + grace
            if state.status == nil, grace > .zero {
                SocketCalls.signal(group: state.identifier, by: .term)
                while state.status == nil, ContinuousClock.now < end {
                    SocketCalls.sleep(milliseconds: 20)
                    Self.collect(&state)
                }
            }
            guard state.lifeline >= 0 else { return }
            // Processes that the program has started may still run. The number of the group is still theirs: it is not
            // used again until the program's status has been collected, and the subshell stays in the group until the
            // socket is closed.
            SocketCalls.signal(group: state.identifier, by: .kill)
            if state.status == nil { state.status = SocketCalls.wait(for: state.identifier, block: true) }
            SocketCalls.close(state.lifeline)
            state.lifeline = -1
        }
    }

    /// Waits for the program's end, at most for `limit`.
    public func waitForEnd(_ limit: Duration) {
        let end = ContinuousClock.now + limit
        while ending == nil, ContinuousClock.now < end { SocketCalls.sleep(milliseconds: 20) }
    }

    private static func collect(_ state: inout State) {
        if state.status == nil { state.status = SocketCalls.wait(for: state.identifier, block: false) }
    }
}
