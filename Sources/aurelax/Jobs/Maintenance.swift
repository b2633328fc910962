import ArgumentParser
import Workflow

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look a spool over, and say what is wrong with it.",
        discussion: """
            Rights, file system, free space, what killed processes left behind, packages, structures and the job \
            store. Nothing is changed without --repair, and that only while no daemon is at work. Ends with \
            status 1 where an error is left.
            """)

    @Flag(help: "Do what the findings offer.")
    var repair = false
    @Flag(help: "The findings as JSON.")
    var json = false
    @OptionGroup var spool: SpoolOptions

    func run() throws {
        let findings = try SpoolDoctor(spool.spool).examine(repairing: repair)
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
            Every job's folder holds a copy of what the store knows of it (.aurelax-job.json). A store that is \
            sound is not touched; a damaged one is kept under another name. Jobs that had not ended go on from \
            where the outbox shows them.
            """)

    @OptionGroup var spool: SpoolOptions

    func run() throws {
        let outcome = try StoreRecovery(spool.spool).run()
        if let former = outcome.former { print("the store that was there: \(former)") }
        for (name, why) in outcome.left.sorted(by: { $0.key < $1.key }) {
            printError("outbox/\(name): \(why)")
        }
        print("\(outcome.jobs.count) jobs are in the store again")
        if !outcome.left.isEmpty { throw ExitCode(ExitStatus.failed.rawValue) }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
