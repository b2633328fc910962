import Foundation
import Slurm
import Testing

@Suite struct ArrayTests {
    private let start = Date(timeIntervalSince1970: 1_800_000_000)

    @Test(
        "Slurm's lists of array elements are read and written",
        arguments: [
            ("5", [5]), ("3-7", [3, 4, 5, 6, 7]), ("[3-7%2]", [3, 4, 5, 6, 7]), ("[1,3-4]", [1, 3, 4]),
            ("0-8:4", [0, 4, 8]), ("1-3,...", [1, 2, 3]),
        ]) func elementsAsSlurmWritesThem(text: String, numbers: [Int])
    {
        #expect(ArrayElements.numbers(text) == numbers)
    }

    @Test(
        "Wrong lists of elements are refused",
        arguments: ["", "N/A", "3-", "-3", "7-3", "1,,2", "a", "1-2-3", "1:2:3", "1-9:0", "0-99999999999"])
    func whatIsNoList(text: String) { #expect(ArrayElements.numbers(text) == nil) }

    @Test("Lists of numbers are written in the shortest form") func shortestList() {
        #expect(ArrayElements.text([3]) == "3")
        #expect(ArrayElements.text([5, 1, 2, 3, 3, 8, 7]) == "1-3,5,7-8")
        for numbers in [[1, 2, 4], Array(1...1000), [9, 1]] {
            #expect(ArrayElements.numbers(ArrayElements.text(numbers)) == numbers.sorted())
        }
    }

    @Test("The lines of an array are read") func linesOfAnArray() {
        let entries = QueueEntry.inSqueue(
            """
            12_[3-7%2]|PENDING|JobArrayTaskLimit||0:00|1:00:00|2026-11-23T22:15:00|aurelax-a
            12_1|RUNNING|None|n1|0:30|59:30|2026-11-23T22:15:00|aurelax-a
            12|RUNNING|None|n1|0:30|59:30|2026-11-23T22:15:00|aurelax-b
            12_x|RUNNING|None|n1|0:30|59:30|2026-11-23T22:15:00|aurelax-c
            """)
        #expect(entries.map(\.id) == [12, 12, 12])
        #expect(entries.map(\.elements) == [[3, 4, 5, 6, 7], [1], nil])
        #expect(entries[0].reason == "JobArrayTaskLimit")
        let accounted = QueueEntry.inSacct("12_2|TIMEOUT|n1|2026-11-23T22:15:00|aurelax-a\n")
        #expect(accounted.map(\.elements) == [[2]] && accounted[0].state == .ended("TIMEOUT"))
    }

    private func run(_ elements: [Int] = Array(1...5), total: Int = 8) -> SlurmRun {
        var request = SlurmResources()
        (request.time, request.memory) = (3600, 1024)
        var run = SlurmRun(
            name: "aurelax-a", number: 1, request: request, stepsBefore: total - elements.count,
            array: RunArray(elements: elements, total: total), intendedAt: start)
        run.accept(id: 12)
        return run
    }

    private func entry(_ elements: [Int], _ state: SlurmJobState, reason: String = "") -> QueueEntry {
        var entry = QueueEntry(id: 12, name: "aurelax-a", state: state)
        (entry.elements, entry.reason) = (elements, reason)
        return entry
    }

    @Test("An array is one run") func anArrayIsOneRun() {
        var run = run()
        run.see([entry([1, 2, 3, 4, 5], .pending, reason: "Priority")], at: start)
        #expect(run.text(at: start) == "Slurm array 12: 5 wait (Priority)" && run.jobs == 5)
        run.see(
            [
                entry([4, 5], .pending), entry([2], .running), entry([3], .completing),
                entry([1], .ended("COMPLETED")),
            ], at: start)
        #expect(run.phase == .running)
        #expect(run.text(at: start, done: 4) == "Slurm array 12: 4 of 8 points done, 2 run, 2 wait")
        #expect(run.jobs == 4)
        // Slurm no longer lists element 1, which had ended. It still lists the end of the elements 2 to 4; the end of
        // element 5 was not seen.
        run.see([entry([4], .running)], at: start)
        run.see([entry([2, 3, 4], .ended("COMPLETED"))], at: start)
        #expect(run.phase == .completing && run.elementsUnseen == [5])
        run.ended(element: 5, status: 7, at: start + 9)
        #expect(run.phase == .ended && run.end == "FAILED" && run.endedAt == start + 9)
        #expect(run.elementsUnseen.isEmpty && run.jobs == 0)
        let copy = try? JSONDecoder().decode(SlurmRun.self, from: JSONEncoder().encode(run))
        #expect(copy == run)
    }

    private func evidence(_ element: Int, status: Int? = nil, lines: [String] = []) -> RunEvidence {
        var evidence = RunEvidence()
        (evidence.element, evidence.status, evidence.lastLines) = (element, status, lines)
        return evidence
    }

    /// The elements without a result decide. After a time limit or a cancellation they are resubmitted with the largest
    /// request that any of them needs; after a permanent failure the job fails and shows the element's log.
    @Test("Missing elements are resubmitted") func missingElements() {
        var run = run([1, 2, 3, 4])
        run.see(
            [
                entry([1], .ended("COMPLETED")), entry([2], .ended("TIMEOUT")),
                entry([3], .ended("CANCELLED")), entry([4], .ended("OUT_OF_MEMORY")),
            ], at: start)
        #expect(run.phase == .ended)
        let rules = ResubmissionRules()
        guard
            case .again(let request, let why) = rules.decision(
                run, missing: [evidence(2), evidence(3), evidence(4)], idle: 0)
        else {
            Issue.record("the missing elements were not resubmitted")
            return
        }
        #expect((request.time, request.memory) == (7200, 2048))
        #expect(why.hasPrefix("Slurm job 12_2 ran into its time limit; submitted again"), "\(why)")
        #expect(why.hasSuffix("; so are 2 more"), "\(why)")

        var failed = self.run([1, 2])
        failed.see([entry([1], .ended("COMPLETED")), entry([2], .ended("FAILED"))], at: start)
        let decision = rules.decision(
            failed, missing: [evidence(2, status: 7, lines: ["no such module"])], idle: 0)
        #expect(
            decision
                == .stop(
                    "Slurm job 12_2 ended without a result (FAILED, exit status 7)\n    no such module"))
        #expect(
            rules.decision(failed, missing: [], idle: 0) == .close("the array 12 has ended"),
            "nothing of it is missing")

        // The array was cancelled as a whole, so it is not resubmitted.
        var unwanted = self.run([1, 2])
        unwanted.see([entry([1, 2], .ended("CANCELLED"))], at: start)
        guard case .stop = rules.decision(unwanted, missing: [evidence(1), evidence(2)], idle: 0) else {
            Issue.record("the job did not stop")
            return
        }
    }

    @Test("The batch job of an array has its elements, files and throttle") func whatIsSubmitted() {
        var batch = BatchJob(
            name: "aurelax-a", comment: "c", folder: "/data/p", resources: SlurmResources())
        batch.array = .init(elements: [1, 2, 3, 7], throttle: 2)
        #expect(batch.arguments.contains("--array=1-3,7%2"))
        #expect(batch.arguments.contains("--output=slurm-%A_%a.log"))
        #expect(batch.script.contains("echo \"$SLURM_ARRAY_JOB_ID\" >'.slurm/aurelax-a.began'"))
        #expect(batch.script.contains("echo \"$status\" >'.slurm/aurelax-a.'\"$SLURM_ARRAY_TASK_ID\".ended"))
        #expect(BatchJob.endedName("aurelax-a", element: 7) == "aurelax-a.7.ended")
        #expect(BatchJob.logName(12, element: 7) == "slurm-12_7.log")
    }
}
