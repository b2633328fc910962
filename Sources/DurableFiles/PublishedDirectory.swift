public import SystemPackage

/// A file in a directory to publish.
public struct PublishedFile: Sendable, Equatable {
    public let name: FilePath.Component
    public let bytes: [UInt8]
    public let isExecutable: Bool
    /// Whether only the owner may read the file.
    public let isPrivate: Bool
    /// Numeric ID of a user who may also read a private file; nil for none.
    public let reader: UInt32?

    public init(
        name: FilePath.Component, bytes: [UInt8], isExecutable: Bool = false, isPrivate: Bool = false,
        reader: UInt32? = nil
    ) {
        self.reader = reader
        self.name = name
        self.bytes = bytes
        self.isExecutable = isExecutable
        self.isPrivate = isPrivate
    }
}

/// The outcome of publishing a directory.
public enum Publication: Sendable, Equatable {
    case published
    /// A directory of that name holds the same files already, from an earlier attempt.
    case alreadyThere
    /// The name is taken by something else, which is unchanged; the text names the difference.
    case conflict(String)
}

extension Directory {
    /// Publishes a directory so that a reader sees it complete or not at all: it is built in `staging`, every
    /// file and the directory itself are synchronised, it is renamed into this directory without replacing
    /// anything, and this directory and `staging` are synchronised. Files are written in the given order, so a
    /// manifest should be the last.
    ///
    /// Repeating this after a crash at any point is safe. `staging` must be on the same file system as this
    /// directory.
    ///
    /// - Parameter identity: name of the file that alone is compared if a directory of this name exists; nil
    ///   means that all files are compared.
    public func publish(
        _ files: [PublishedFile], as name: FilePath.Component, staging: Directory,
        identity: FilePath.Component? = nil
    ) throws(FileError) -> Publication {
        let telling = identity.map { name in files.filter { $0.name == name } } ?? files
        if let earlier = try existing(telling, name) {
            try synchronize()
            return earlier
        }
        let temporary = staging.temporaryName()
        do {
            let built = try staging.makeSubdirectory(temporary)
            for file in files {
                try built.writeNew(
                    file.name, file.bytes,
                    mode: (file.isExecutable ? 0o755 : 0o644) & (file.isPrivate ? 0o700 : 0o777),
                    reader: file.isPrivate ? file.reader : nil)
            }
            try built.synchronize()
            try staging.synchronize()
            try staging.move(temporary, to: name, in: self)
        } catch {
            if !error.isFatal { try? staging.removeTree(temporary) }
            if error.code == .fileExists || error.code == .directoryNotEmpty,
                let earlier = try existing(telling, name)
            {
                return earlier
            }
            throw error
        }
        try synchronize()
        try staging.synchronize()
        return .published
    }

    /// Compares an existing directory of this name with the files; nil if the name is free. Additional files in
    /// the directory are ignored, because users may add some.
    private func existing(
        _ files: [PublishedFile], _ name: FilePath.Component
    ) throws(FileError) -> Publication? {
        guard let status = try status(of: name) else { return nil }
        let shown = path.appending(name).escaped
        guard status.kind == .directory else { return .conflict("\(shown) exists and is not a directory") }
        let there = try subdirectory(name)
        for file in files {
            guard let status = try there.status(of: file.name) else {
                return .conflict("\(shown) exists, but has no \(file.name.escaped)")
            }
            guard status.kind == .regular, status.size == file.bytes.count,
                try there.read(file.name) == file.bytes
            else { return .conflict("\(shown) exists, but its \(file.name.escaped) differs") }
        }
        return .alreadyThere
    }
}
