internal import DurableFiles
import Foundation
import GRDB
import SystemPackage

extension Store {
    /// Checks the whole store without writing a byte: opening it for writing would change the file.
    ///
    /// - Throws: ``WorkflowError/damagedStore(_:_:)``; `DatabaseError` if the file is not a
    ///   database.
    static func verify(_ path: FilePath) throws {
        guard FileManager.default.fileExists(atPath: path.string) else { return }
        let complaints: [String]
        do {
            complaints = try self.complaints(path, readonly: true)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_READONLY {
            // A journal of a killed process has to be replayed first.
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
