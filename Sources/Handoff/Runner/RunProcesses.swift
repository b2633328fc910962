import DurableFiles
import Glibc
import SystemPackage

/// The processes of one run: every one that was given its mark, in whatever session or process group it is by
/// now (MPI launchers put their ranks into sessions of their own), and whoever started it.
struct RunProcesses: Sendable {
    static let variable = "AURELAX_RUN"

    /// Unlike that of any other package on this machine.
    let mark: String

    private var entry: [UInt8] { Array("\(Self.variable)=\(mark)".utf8) }

    /// Process identifiers, as far as this user may know. Processes that have ended and wait to be collected
    /// have no environment any more and are not among them.
    func identifiers() -> [pid_t] {
        guard let root = try? Directory("/proc"), let names = try? root.names() else { return [] }
        let entry = entry
        return names.compactMap { name in
            guard let identifier = pid_t(name.string), identifier != getpid(),
                let process = try? root.subdirectory(name),
                let environment = try? process.read("environ", limit: 1 << 22),
                environment.split(separator: 0).contains(where: { $0.elementsEqual(entry) })
            else { return nil }
            return identifier
        }
    }

    /// Ends them all at once and waits until they are gone.
    ///
    /// - Returns: whether there were any.
    @discardableResult
    func kill(waiting limit: Duration = .seconds(10)) async -> Bool {
        let clock = ContinuousClock()
        let end = clock.now + limit
        var found = false
        while true {
            let identifiers = identifiers()
            guard !identifiers.isEmpty else { return found }
            found = true
            for identifier in identifiers { _ = Glibc.kill(identifier, SIGKILL) }
            guard clock.now < end else { return found }
            // Sleeping goes on where the task is cancelled: then this is exactly what has to be done.
            await Task.detached { try? await Task.sleep(for: .milliseconds(50)) }.value
        }
    }
}
