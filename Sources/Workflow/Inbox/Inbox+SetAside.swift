internal import DurableFiles
import SystemPackage
import YAMLDocument

/// The removal of files from the inbox.
extension Inbox {
    mutating func setAside(
        _ candidate: InboxScan.Candidate, _ reason: String, _ scan: inout InboxScan
    ) throws {
        try setAside(
            candidate.name, bytes: candidate.bytes, text: reason + "\n",
            [Diagnostic(code: "rejected", at: nil, message: reason)], &scan)
    }

    /// Sets aside a dropped result that is unexpected or not valid.
    mutating func setAside(_ file: DroppedFile, _ reason: String) throws -> Outcome {
        var scan = InboxScan(directory: try spool.openInbox(), now: .now)
        try setAside(
            file.name, bytes: spool.blobs.read(file.claim.digest), text: "\(file.name.escaped): \(reason)\n",
            [Diagnostic(code: "rejected", at: nil, message: reason)], &scan)
        return scan.outcome
    }

    /// Puts a file and all reasons into a new folder of `outbox/rejected`: a copy of the file's bytes, or the
    /// file itself if `bytes` is nil because it cannot be read.
    mutating func setAside(
        _ name: FilePath.Component, bytes: [UInt8]?, text: String, _ diagnostics: [Diagnostic],
        _ scan: inout InboxScan
    ) throws {
        // If other users may not read the file in the inbox, they may not read its copy either, nor the
        // diagnostics, which quote the file.
        let status = try scan.directory.status(of: name)
        let isPrivate = status.map { !$0.othersMayRead } ?? false
        func file(_ name: FilePath.Component, _ bytes: [UInt8]) -> PublishedFile {
            PublishedFile(name: name, bytes: bytes, isPrivate: isPrivate, reader: status?.owner)
        }
        var files = [
            file("diagnostics.txt", Array(text.utf8)), file("diagnostics.json", try json(diagnostics)),
        ]
        if let bytes { files.insert(file(name, bytes), at: 0) }
        for number in 1... {
            let folder = Self.folder(for: name, number)
            let publication = try spool.rejected.publish(
                files, as: FilePath.Component(plain: folder), staging: spool.staging)
            if case .conflict = publication { continue }
            let target = try spool.rejected.subdirectory(FilePath.Component(plain: folder))
            if bytes == nil, try target.status(of: name) != nil { continue }
            scan.outcome.rejected.append(folder)
            try letGo(of: name, in: scan.directory, to: bytes == nil ? target : nil)
            return
        }
    }

    private static func folder(for name: FilePath.Component, _ number: Int) -> String {
        let stem = name.escaped.prefix { $0 != "." }.filter {
            $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_")
        }
        return (stem.isEmpty ? "file" : String(stem.prefix(64))) + (number > 1 ? ".\(number)" : "")
    }

    /// Removes a file from the inbox, or moves it into `target` if that is given. A directory that would have to
    /// be moved stays where it is, and so does a file without the necessary permissions.
    private mutating func letGo(
        of name: FilePath.Component, in inbox: Directory, to target: Directory?
    ) throws {
        guard let status = try inbox.status(of: name) else { return }
        if target != nil, status.kind == .directory {
            leftAlone[name.bytes] = status
            return
        }
        do {
            try Self.take(name, from: inbox, to: target)
        } catch {
            if error.isFatal || error.isTransient { throw error }
            leftAlone[name.bytes] = status
        }
    }

    private static func take(
        _ name: FilePath.Component, from inbox: Directory, to target: Directory?
    ) throws(FileError) {
        if let target {
            try inbox.move(name, to: name, in: target)
            try target.synchronize()
        } else {
            try inbox.remove(name)
        }
        try inbox.synchronize()
    }

    /// Removes structures from the inbox that no job needs any more.
    mutating func removeSpent(_ scan: InboxScan) throws {
        for (file, original) in spent where !scan.isWanted(file) {
            spent[file] = nil
            guard let name = FilePath.Component(bytes: original.name),
                let status = try scan.directory.status(of: name), original.matches(status)
            else { continue }
            try letGo(of: name, in: scan.directory, to: nil)
        }
    }

    /// Removes claimed files from the inbox if they have not changed since the claim.
    mutating func removeOriginals(from inbox: Directory) throws {
        for original in try store.originals() {
            if let name = FilePath.Component(bytes: original.name),
                let status = try inbox.status(of: name), original.matches(status)
            {
                guard leftAlone[original.name] != status else { continue }
                try letGo(of: name, in: inbox, to: nil)
                if leftAlone[original.name] != nil { continue }
            }
            try store.forget(original)
        }
    }
}
