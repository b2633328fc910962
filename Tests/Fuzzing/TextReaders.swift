import Atomistics
import JobSpec
import YAMLDocument

extension FuzzTarget {
    /// Reads a job file. It must give a job or a mistake with a place, never both; a printed job must be read back
    /// unchanged.
    func readJob(_ bytes: [UInt8]) throws -> Bool {
        let read = JobFile(bytes, file: "j.yaml")
        guard (read.job == nil) == read.diagnostics.hasErrors else {
            throw FuzzFinding("a job beside its mistakes, or neither:\n\(read.report)")
        }
        guard read.diagnostics.isEmpty == read.report.isEmpty else {
            throw FuzzFinding("a report without mistakes, or mistakes without a report")
        }
        guard let job = read.job else { return false }
        let again = JobFile(Array(job.yaml.utf8), file: "j.yaml")
        guard again.job == job else {
            throw FuzzFinding("not the same job again:\n\(job.yaml)\(again.report)")
        }
        return true
    }

    /// Reads a structure. An accepted structure must be readable again, and unchanged, after it was written.
    func readStructure(_ bytes: [UInt8]) throws -> Bool {
        guard let frames = try? ExtXYZ.frames(in: bytes, label: "fuzz") else { return false }
        let written = ExtXYZ.bytes(of: frames)
        guard let again = try? ExtXYZ.frames(in: written, label: "again"), ExtXYZ.bytes(of: again) == written
        else {
            throw FuzzFinding(
                "not the same twice:\n\(String(decoding: written, as: UTF8.self).debugDescription)")
        }
        for atoms in frames where atoms.count < 1000 { _ = GeometryCheck().problems(in: atoms) }
        return true
    }
}
