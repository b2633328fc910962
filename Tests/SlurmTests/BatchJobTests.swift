import Foundation
import Slurm
import TestTags
import Testing

@Suite struct BatchJobTests {
    private func batch(_ change: (inout BatchJob) -> Void = { _ in }) -> BatchJob {
        var resources = SlurmResources()
        (resources.time, resources.tasks, resources.memory) = (90 * 60, 8, 16 << 10)
        resources.partition = "long"
        var batch = BatchJob(
            name: "aurelax-ring-2-1-1-ab", comment: "aurelax:job=ring,stage=2,attempt=1,run=1",
            folder: "/data/out/ring/02-dft", resources: resources)
        change(&batch)
        return batch
    }

    @Test("Arguments contain all requested resources") func arguments() {
        #expect(
            batch { $0.options = ["--exclusive", "--mail-type=END"] }.arguments == [
                "--parsable", "--job-name=aurelax-ring-2-1-1-ab",
                "--comment=aurelax:job=ring,stage=2,attempt=1,run=1", "--chdir=/data/out/ring/02-dft",
                "--output=slurm-%j.log", "--open-mode=append", "--no-requeue", "--signal=B:USR1@300",
                "--partition=long", "--time=01:30:00", "--ntasks=8", "--mem=16384M", "--exclusive",
                "--mail-type=END", "/data/out/ring/02-dft/.slurm/aurelax-ring-2-1-1-ab.sh",
            ])
        // With a short time limit the signal comes late enough for the run to have started, although Slurm may send it
        // 30 s early.
        #expect(batch { $0.resources.time = 120 }.arguments.contains("--signal=B:USR1@45"))
        #expect(batch { $0.resources.time = 60 }.arguments.contains("--signal=B:USR1@15"))
        #expect(!batch { $0.resources = SlurmResources() }.arguments.contains { $0.hasPrefix("--mem") })
    }

    /// A folder or a value is one word in the script, even if it has characters that are special for a shell.
    @Test("Arguments in the batch script are quoted") func theScriptIsQuoted() throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("it's $(touch x) `y` \"z\" \(UUID().uuidString)")
        let records = folder.appendingPathComponent(BatchJob.records)
        try FileManager.default.createDirectory(at: records, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let batch = batch {
            $0.folder = folder.path
            $0.environment = ["AURELAX_PYTHON": "/opt/it's/$HOME/python"]
            $0.setup = ["export FIRST=set up", "FIRST=\"set up\""]
        }
        let run = "#!/bin/sh\nprintf '%s|%s|%s' \"$AURELAX_PYTHON\" \"$FIRST\" \"$PWD\" >seen\nexit 6\n"
        try write(run, to: folder.appendingPathComponent("run.sh"))
        try write(batch.script, to: records.appendingPathComponent(batch.scriptName))
        try write("\(batch.name)\n", to: records.appendingPathComponent(BatchJob.current))
        #expect(try execute(records.appendingPathComponent(batch.scriptName)) == 6)
        let seen = try String(contentsOf: folder.appendingPathComponent("seen"), encoding: .utf8)
        #expect(seen == "/opt/it's/$HOME/python|set up|\(folder.path)")
        func text(_ name: String) -> String? {
            try? String(contentsOf: records.appendingPathComponent(name), encoding: .utf8)
        }
        #expect((text(batch.beganName), text(BatchJob.endedName(batch.name))) == ("77\n", "6\n"))

        // The package now names another run, so this run does nothing.
        try write("aurelax-ring-2-1-2-cd\n", to: records.appendingPathComponent(BatchJob.current))
        try FileManager.default.removeItem(at: folder.appendingPathComponent("seen"))
        #expect(try execute(records.appendingPathComponent(batch.scriptName)) == 0)
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("seen").path))
    }

    /// If the warning arrives during the setup, the calculation does not start, and the exit status is that of a
    /// stopped run.
    @Test("A stop request during the setup is obeyed") func stoppedDuringSetup() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "aurelax-\(UUID().uuidString)")
        let records = folder.appendingPathComponent(BatchJob.records)
        try FileManager.default.createDirectory(at: records, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let batch = batch {
            $0.folder = folder.path
            $0.setup = ["kill -USR1 $$", "true"]
        }
        try write("#!/bin/sh\ntouch ran\n", to: folder.appendingPathComponent("run.sh"))
        try write(batch.script, to: records.appendingPathComponent(batch.scriptName))
        try write("\(batch.name)\n", to: records.appendingPathComponent(BatchJob.current))
        #expect(try execute(records.appendingPathComponent(batch.scriptName)) == 6)
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("ran").path))
        let ended = try String(
            contentsOf: records.appendingPathComponent(BatchJob.endedName(batch.name)), encoding: .utf8)
        #expect(ended == "6\n")
    }

    @Test("A failing line of the setup ends the run and is its reason", .tags(.fault38))
    func fault38FailingSetup() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "aurelax-\(UUID().uuidString)")
        let records = folder.appendingPathComponent(BatchJob.records)
        try FileManager.default.createDirectory(at: records, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let batch = batch {
            $0.folder = folder.path
            $0.setup = ["true", "no-such-module load gpaw", "true"]
        }
        try write("#!/bin/sh\ntouch ran\n", to: folder.appendingPathComponent("run.sh"))
        try write(batch.script, to: records.appendingPathComponent(batch.scriptName))
        try write("\(batch.name)\n", to: records.appendingPathComponent(BatchJob.current))
        #expect(try execute(records.appendingPathComponent(batch.scriptName)) == BatchJob.setupFailed)
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("ran").path))
        let whole = self.batch { $0.setup = ["if true; then", "export A=1", "fi"] }
        #expect(whole.script.contains("if true; then\nexport A=1\nfi\naurelax_setup $? setup"))
        #expect(
            BatchRules.problem(withOptions: ["--mem-per-cpu=2G"], asksForMemory: true, asksForCPUs: false)?
                .contains("exclude each other") == true)
        #expect(
            BatchRules.problem(withOptions: ["--mem-per-cpu=2G"], asksForMemory: false, asksForCPUs: true)
                == nil)
    }

    /// Writes the file in another process. If this process wrote it, a program that a parallel test starts could
    /// inherit the open descriptor, and the kernel would not run the script (‘text file busy’).
    private func write(_ text: String, to url: URL) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "printf %s \"$1\" >\"$2\" && chmod 755 \"$2\"", "sh", text, url.path]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    private func execute(_ url: URL) throws -> Int32 {
        let process = Process()
        process.executableURL = url
        process.environment = ["SLURM_JOB_ID": "77", "PATH": "/usr/bin:/bin"]
        process.standardOutput = FileHandle.nullDevice
        // A shell cannot trap a signal that was blocked when the shell started, and on a thread of the tests the signal
        // may be blocked.
        var warning = sigset_t()
        sigemptyset(&warning)
        sigaddset(&warning, SIGUSR1)
        pthread_sigmask(SIG_UNBLOCK, &warning, nil)
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    @Test("Options that would break the tracking are refused") func refusedOptions() {
        for good in ["--exclusive", "--gres=gpu:1", "--mail-user=a@b.org", "--nodelist=n[1-3]"] {
            #expect(BatchRules.problem(withOption: good) == nil, "\(good)")
        }
        for bad in [
            "--job-name=x", "--array=1-3", "--requeue", "-p long", "exclusive", "--", "--gres=x\ny",
            "--output=a",
            "--Mail",
        ] {
            #expect(BatchRules.problem(withOption: bad) != nil, "\(bad)")
        }
        #expect(BatchRules.isName("long,short") && !BatchRules.isName("a b") && !BatchRules.isName("-x"))
        #expect(BatchRules.isConstraint("[rack1|rack2]&amd") && !BatchRules.isConstraint("a b"))
    }
}
