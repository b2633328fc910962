// The system calls about processes; those about sockets are in SocketCalls.swift.
import Glibc
import SystemPackage

extension SocketCalls {
    enum Signal { case term, kill }

    /// posix_spawn(3): starts a program in a new session, with default signal handlers and no blocked signals. The
    /// program's standard input is one socket of a pair; its output and error are appended to `log`.
    ///
    /// - Returns: the process identifier, and the other socket of the pair.
    static func spawn(
        _ arguments: [String], environment: [String], log: FilePath
    ) throws(SocketEngineError) -> (identifier: Int32, lifeline: Int32) {
        var ends: (Int32, Int32) = (-1, -1)
        // A pair of sockets takes the place of a pipe, because Glibc's module lacks pipe2(2), which can set
        // close-on-exec at once.
        let made = withUnsafeMutablePointer(to: &ends) {
            $0.withMemoryRebound(to: Int32.self, capacity: 2) {
                Glibc.socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, $0)
            }
        }
        guard made == 0 else { throw .system(call: "socketpair", code: errno, subject: arguments[0]) }
        defer { close(ends.0) }

        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_adddup2(&actions, ends.0, 0)
        _ = log.withPlatformString {
            posix_spawn_file_actions_addopen(&actions, 1, $0, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        // POSIX_SPAWN_SETSID of glibc 2.26, which <spawn.h> defines only for _GNU_SOURCE.
        let setSession: Int32 = 0x80
        posix_spawnattr_setflags(
            &attributes, Int16(setSession | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)))

        var identifier: pid_t = 0
        let code = withCStrings(arguments) { argv in
            withCStrings(environment) { envp in
                Glibc.posix_spawn(&identifier, arguments[0], &actions, &attributes, argv, envp)
            }
        }
        guard code == 0 else {
            close(ends.1)
            throw .notStarted(program: arguments[0], reason: message(of: code))
        }
        return (identifier, ends.1)
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        let copies: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
        defer { for copy in copies { free(copy) } }
        return copies.withUnsafeBufferPointer { body($0.baseAddress!) }
    }

    /// waitpid(2): returns the status of a process that has ended.
    ///
    /// - Returns: nil while the process runs.
    static func wait(for identifier: Int32, block: Bool) -> Int32? {
        var status: Int32 = 0
        while true {
            let result = waitpid(identifier, &status, block ? 0 : WNOHANG)
            if result == identifier { return status }
            if result == -1, errno == EINTR { continue }
            // Another call has collected the status, so the process has ended.
            return result == 0 ? nil : 0
        }
    }

    /// kill(2): sends a signal to a process group.
    static func signal(group: Int32, by signal: Signal) {
        _ = Glibc.kill(-group, signal == .kill ? SIGKILL : SIGTERM)
    }

    /// Describes the status of a process that has ended.
    static func describe(status: Int32) -> String {
        let signal = status & 0x7F
        return signal == 0 ? "exit status \((status >> 8) & 0xFF)" : "signal \(signal)"
    }

    /// Returns the last bytes of a file, at most `most`; nil if the file cannot be read.
    static func tail(of path: FilePath, bytes most: Int) -> [UInt8]? {
        guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else { return nil }
        defer { try? file.close() }
        guard let size = try? file.seek(offset: 0, from: .end) else { return nil }
        let start = max(0, size - Int64(most))
        var bytes = [UInt8](repeating: 0, count: Int(size - start))
        guard
            let count = try? bytes.withUnsafeMutableBytes({
                try file.read(fromAbsoluteOffset: start, into: $0)
            })
        else { return nil }
        return Array(bytes.prefix(count))
    }
}
