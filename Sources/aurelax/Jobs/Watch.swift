import ArgumentParser
import Foundation
import Reports
import UnixSignals
import Workflow

struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the jobs live in the terminal, each with its curve of fmax.",
        discussion:
            "Ends with Ctrl-C or, for a named job, when that job ends. The screen is restored afterwards.")

    @Argument(help: "Name of a job (default: all jobs).")
    var job: String?
    @Option(help: "Seconds between two updates.")
    var interval = 1.0
    @OptionGroup var spool: SpoolOptions

    func validate() throws {
        guard interval >= 0.1 else { throw ValidationError("--interval must be at least 0.1 s") }
    }

    func run() async throws {
        let client = spool.client
        guard Terminal.isOne else {
            throw CommandError(.failed, "watch needs a terminal; `aurelax status` prints the state once")
        }
        // An unknown job is reported before the screen changes.
        if let job { _ = try await client.arrival(of: job) }
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        print("\u{1B}[?1049h\u{1B}[?25l", terminator: "")
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in signals { return } }
            group.addTask {
                while !Task.isCancelled {
                    do {
                        if try draw(client) { return }
                    } catch {
                        // The error may be temporary, so the next drawing retries.
                        show([errorText(of: error)])
                    }
                    try? await Task.sleep(for: .seconds(interval))
                }
            }
            await group.next()
            group.cancelAll()
        }
        print("\u{1B}[?25h\u{1B}[?1049l", terminator: "")
        fflush(nil)
        if let job {
            let status = try client.status(of: job)
            print("\(status.name): \(status.state.rawValue): \(status.reason)")
        }
    }

    /// Draws the screen.
    ///
    /// - Returns: true if a single job is watched and it has ended.
    private func draw(_ client: SpoolClient) throws -> Bool {
        let (columns, lines) = Terminal.size
        let jobs = try job.map { [try client.status(of: $0)] } ?? client.statuses(inTurn: [])
        let table = JobTable(
            rows: jobs.prefix(lines).map { .init($0, client) }, colours: true, width: columns, curves: true)
        var text = table.lines()
        if job != nil, let curve = table.rows.first?.curve {
            text += [""] + curve.plot(width: columns, height: 12)
        }
        if text.count > lines - 1 { text = text.prefix(lines - 2) + ["… and \(text.count - lines + 2) more"] }
        show(text)
        return job != nil && jobs.allSatisfy(\.state.isFinal)
    }

    private func show(_ lines: [String]) {
        // Each line is cleared after its end, and so is the area below: this avoids flicker.
        print("\u{1B}[H" + lines.map { $0 + "\u{1B}[K\r\n" }.joined() + "\u{1B}[J", terminator: "")
        fflush(nil)
    }
}
