import Slurm
import Testing

@Suite struct QueueTests {
    /// Lines that Slurm 22.05 printed, and other lines that are possible.
    @Test("The lines of squeue are read") func linesOfSqueue() {
        let entries = QueueEntry.inSqueue(
            """
            slurm_load_jobs: a warning of the site
            17|RUNNING|None|vm|1:05|1-22:58:55|2026-11-23T22:15:00|aurelax-a-1-1-1-x
            18|PENDING|Resources||0:00|UNLIMITED|2026-11-23T22:15:01|some|body's "job"
            19|COMPLETING|None|n[1-2]|10|INVALID|2026-11-23T22:15:02|c
            20|OUT_OF_MEMORY|OutOfMemory|vm|0:03|56:57|2026-11-23T22:15:03|d
            21|NEW_STATE|None|vm|0:03|56:57|2026-11-23T22:15:03|e
            22|RUNNING|None
            """)
        // A job in an unknown state counts as not ended.
        #expect(entries.map(\.id) == [17, 18, 19, 20, 21])
        #expect(
            entries.map(\.state) == [.running, .pending, .completing, .ended("OUT_OF_MEMORY"), .completing])
        #expect(entries.map(\.used) == [65, 0, 10, 3, 3])
        #expect(entries.map(\.left) == [86400 + 82735, nil, nil, 3417, 3417])
        #expect(entries[1].name == "some|body's \"job\"" && entries[1].reason == "Resources")
        #expect(entries[0].reason == "" && entries[0].node == "vm")
    }

    @Test("The lines of sacct are read") func linesOfSacct() {
        let entries = QueueEntry.inSacct(
            "9|CANCELLED by 1000|None assigned|2026-11-23T22:15:00|a\n10|NODE_FAIL|n1|2026-11-23T22:15:00|b|c\n"
        )
        #expect(entries.map(\.state) == [.ended("CANCELLED"), .ended("NODE_FAIL")])
        #expect(entries.map(\.node) == ["", "n1"] && entries[1].name == "b|c")
    }

    @Test(arguments: [
        (0, "123\n", "", SubmissionOutcome.accepted(123)),
        (0, "sbatch: site says hello\n124;cluster2\n", "", .accepted(124)),
        (0, "Submitted\n", "", .doubtful("sbatch printed no number")),
        (
            1, "", "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n",
            .doubtful("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation")
        ),
        (
            1, "",
            "sbatch: error: invalid partition specified: x\n"
                + "sbatch: error: Batch job submission failed: Invalid partition name specified\n",
            .refused(
                "sbatch: error: invalid partition specified: x\n    "
                    + "sbatch: error: Batch job submission failed: Invalid partition name specified")
        ),
        (
            1, "",
            "sbatch: error: Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)\n",
            .refused(
                "sbatch: error: Batch job submission failed: Requested time limit is invalid "
                    + "(missing or exceeds some limit)")
        ),
        (
            1, "", "sbatch: fatal: --mem, --mem-per-cpu, and --mem-per-gpu are mutually exclusive.\n",
            .refused("sbatch: fatal: --mem, --mem-per-cpu, and --mem-per-gpu are mutually exclusive.")
        ),
        (
            1, "",
            "sbatch: error: ERROR: you must give a project with --account\n"
                + "sbatch: error: Batch job submission failed: Unspecified error\n",
            .refused(
                "sbatch: error: ERROR: you must give a project with --account\n    "
                    + "sbatch: error: Batch job submission failed: Unspecified error")
        ),
        (
            1, "",
            "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)\n",
            .later(
                "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy "
                    + "(job submit limit, user's size and/or time limits)")
        ),
        (
            1, "", "sbatch: error: QOSMaxSubmitJobPerUserLimit\n",
            .later("sbatch: error: QOSMaxSubmitJobPerUserLimit")
        ),
        (
            1, "",
            "sbatch: error: resolve_ctls_from_dns_srv: res_nsearch error: Unknown host\n"
                + "sbatch: fatal: Could not establish a configuration source\n",
            .notRun(
                "sbatch: error: resolve_ctls_from_dns_srv: res_nsearch error: Unknown host\n    "
                    + "sbatch: fatal: Could not establish a configuration source")
        ),
        (
            1, "", "sbatch: fatal: Unable to process configuration file\n",
            .notRun("sbatch: fatal: Unable to process configuration file")
        ),
        (137, "", "", .doubtful("sbatch printed nothing")),
    ])
    func answersOfSbatch(status: Int32, output: String, errors: String, outcome: SubmissionOutcome) {
        #expect(SubmissionOutcome(status: status, output: output, errors: errors) == outcome)
    }

    /// A command without an exit status says nothing about the queue, whatever it printed.
    @Test("An sbatch without an exit status counts as uncertain") func noAnswerIsDoubt() {
        let outcome = SubmissionOutcome(status: nil, output: "", errors: "sbatch: error: Invalid partition\n")
        #expect(outcome == .doubtful("sbatch gave no answer: sbatch: error: Invalid partition"))
    }

    @Test(
        "Slurm's times are read",
        arguments: [
            ("0:00", 0), ("59:59", 3599), ("1:00:00", 3600), ("2-00:00:01", 172_801), ("7", 7),
        ])
    func printedTimes(text: String, seconds: Int) {
        #expect(SlurmText.printedTime(text) == seconds)
    }

    @Test(
        "Wrong times are refused",
        arguments: [
            "", "-", "1-", "UNLIMITED", "INVALID", "-5", "1:2:3:4", "99999999999999999999", "1:99999999999",
        ])
    func noTimes(text: String) {
        #expect(SlurmText.printedTime(text) == nil)
    }

    /// Flipped, truncated or doubled bytes give jobs or no jobs, but never a crash.
    @Test("Any text is read without a crash") func anyText() {
        let line = Array("17|RUNNING|None|vm|1:05|1-22:58:55|2026-11-23T22:15:00|aurelax-a-1-1-1-x\n".utf8)
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var bytes = line
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(QueueEntry.inSqueue(text).count <= text.count)
            _ = QueueEntry.inSacct(text)
            _ = QueueEntry.id(inParsable: text)
        }
    }

    @Test("Times are written as they are read") func timesRoundTrip() {
        for seconds in [1, 59, 60, 3600, 86399, 86400, 259_200 + 3661] {
            #expect(SlurmText.printedTime(SlurmText.time(seconds)) == seconds)
        }
        #expect(SlurmText.memory(16 << 10) == "16G" && SlurmText.memory(1500) == "1500M")
    }
}
