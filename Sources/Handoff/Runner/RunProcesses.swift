import DurableFiles
import Glibc
import SystemPackage

/// The processes of one run, whichever program started them. They are found by ``mark`` in their environment, because
/// MPI launchers move ranks into sessions and process groups of their own.
struct RunProcesses: Sendable {
    static let variable = "AURELAX_RUN"

    /// The value of ``variable`` in the environment of the run's processes; different for every package on this
    /// machine.
    let mark: String

    private var entry: [UInt8] { Array("\(Self.variable)=\(mark)".utf8) }

    /// Returns the identifiers of the run's processes that this user may see. Zombies are not included, because they no
    /// longer have an environment.
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

    /// Kills all processes at once and waits until they are gone.
    ///
    /// - Returns: whether there were any processes.
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
            // This sleep continues even if the task is cancelled, because the clean-up is needed then, too.
            await Task.detached { try? await Task.sleep(for: .milliseconds(50)) }.value
        }
    }
}
