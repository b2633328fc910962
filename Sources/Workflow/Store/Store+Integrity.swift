internal import DurableFiles
import Foundation
import GRDB
import SystemPackage

extension Store {
    /// Reads the whole store to see whether it is sound, without writing a byte: opening it for writing
    /// changes the file, whatever it holds.
    ///
    /// - Throws: ``WorkflowError/damagedStore(_:_:)``; `DatabaseError` where the file is no database at all.
    static func verify(_ path: FilePath) throws {
        guard FileManager.default.fileExists(atPath: path.string) else { return }
        let complaints: [String]
        do {
            complaints = try self.complaints(path, readonly: true)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_READONLY {
            // A journal of a process that was killed has to be played back first.
            complaints = try self.complaints(path, readonly: false)
        }
        guard complaints == ["ok"] else {
            throw WorkflowError.damagedStore(path, complaints.joined(separator: "; "))
        }
    }

    private static func complaints(_ path: FilePath, readonly: Bool) throws -> [String] {
        var configuration = Configuration()
        configuration.label = "aurelax.store.verify"
        configuration.readonly = readonly
        configuration.busyMode = .timeout(5)
        return try DatabaseQueue(path: path.string, configuration: configuration).read {
            try String.fetchAll($0, sql: "PRAGMA integrity_check(5)")
        }
    }
}
