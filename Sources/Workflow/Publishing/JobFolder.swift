internal import DurableFiles
import Foundation
internal import JobSpec
import Reports
import SystemPackage

/// A job's folder in the outbox. The daemon can write its whole content again from the store at any time.
struct JobFolder: Sendable {
    private let spool: OpenSpool
    private let store: Store

    init(_ spool: OpenSpool, _ store: Store) {
        self.spool = spool
        self.store = store
    }

    func directory(of record: JobRecord) throws -> Directory {
        try spool.outbox.makeSubdirectory(JobName(of: record.job).component)
    }

    func stageDirectory(of record: JobRecord) throws -> Directory {
        try StageFolder(current: record).make(in: directory(of: record))
    }

    /// Removes incomplete files of a killed daemon from the folders of these jobs.
    func removeTemporaries(_ records: [JobRecord]) throws {
        for record in records
        where try spool.outbox.status(of: JobName(of: record.job).component)?.kind == .directory {
            let folder = try spool.jobFolder(record.job.name)
            try folder.removeTemporaries()
            try folder.synchronize()
            // Another machine may be writing into a stage that was handed out.
            if let stage = try StageFolder(current: record).open(in: folder),
                try !OutsideMLStage.isHandedOut(in: stage)
            {
                try stage.removeTemporaries()
            }
        }
    }

    /// Brings the folder up to date with the store.
    func publish(_ record: JobRecord) throws {
        let folder = try directory(of: record)
        if try folder.status(of: "job.yaml") == nil {
            try folder.replace("job.yaml", Array(record.job.yaml.utf8))
        }
        let history = try store.history(of: record.id)
        try write("job.log", history.map { "\(timestamp($0.at))  \($0.text)\n" }.joined(), in: folder)
        try write("events.jsonl", history.map { try $0.jsonLine(of: record.job.name) }.joined(), in: folder)
        if record.machine.state.isFinal {
            let (stages, files) = (try store.stages(of: record.id), try JobFiles(in: folder))
            try folder.replace("summary.yaml", Array(Summary(record, stages, files).yaml.utf8))
            let report = JobReport(
                record, stages, history, files, folder: spool.spool.folder(ofJob: record.job.name))
            try folder.replace(FilePath.Component(plain: JobReport.file), Array(report.page().utf8))
        }
        try folder.replace(
            FilePath.Component(plain: JobCopy.file), JobCopy(record, in: store).bytes, mode: 0o600)
        try folder.replace(
            "status.yaml",
            Array(
                JobStatus(
                    record, in: spool.spool, published: store.publishedPackage(of: record),
                    run: store.openSlurmRun(of: record)
                ).yaml.utf8))
        try store.markPublished(record)
    }

    /// Appends new entries to a log, so that it grows for a reader that follows it.
    private func write(_ name: FilePath.Component, _ text: String, in folder: Directory) throws {
        let whole = Array(text.utf8)
        let there = try folder.read(name) ?? []
        guard there.count < whole.count || there != whole else { return }
        if whole.starts(with: there) {
            let file = try AppendFile(name, in: folder)
            try file.append(Array(whole[there.count...]))
            try file.close()
        } else {
            try folder.replace(name, whole)
        }
    }
}
