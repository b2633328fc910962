import ArgumentParser
import Workflow

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a spool and report problems.",
        discussion: """
            Checks permissions, file system, free space, files left by killed processes, packages, structures and the job \
            store. Nothing is changed without --repair, which needs that no daemon is running. Ends with \
            status 1 if errors remain.
            """)

    @Flag(help: "Repair what can be repaired.")
    var repair = false
    @Flag(help: "Print the findings as JSON.")
    var json = false
    @OptionGroup var spool: SpoolOptions

    func run() throws {
        let findings = try SpoolDoctor(spool.spool, python: Program.python).examine(repairing: repair)
        if json {
            print(try jsonText(findings))
        } else {
            for finding in findings {
                print("\(finding.grade.rawValue.padded(to: 7))  \(finding.subject): \(finding.text)")
                guard let remedy = finding.remedy else { continue }
                print("         \(finding.isRepaired ? "repaired: " : "--repair ")\(remedy)")
            }
        }
        if findings.contains(where: { $0.grade == .error && !$0.isRepaired }) {
            throw ExitCode(ExitStatus.failed.rawValue)
        }
    }
}

struct Recover: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Rebuild a lost or damaged job store from the outbox.",
        discussion: """
            Every job's folder contains a copy of its data in the store (.aurelax-job.json). A sound store \
            is not changed; a damaged one is kept under another name. Open jobs resume from the state \
            in the outbox.
            """)

    @OptionGroup var spool: SpoolOptions

    func run() throws {
        let outcome = try StoreRecovery(spool.spool).run()
        if let former = outcome.former { print("the previous store was kept: \(former)") }
        for (name, why) in outcome.left.sorted(by: { $0.key < $1.key }) {
            printError("outbox/\(name): \(why)")
        }
        let count = outcome.jobs.count
        print("\(count) \(count == 1 ? "job was" : "jobs were") recovered")
        if !outcome.left.isEmpty { throw ExitCode(ExitStatus.failed.rawValue) }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
