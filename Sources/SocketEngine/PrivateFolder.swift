public import SystemPackage

/// A folder that only its user can enter, for UNIX sockets.
public enum PrivateFolder {
    /// Creates a new folder.
    ///
    /// - Parameter template: a path that ends in `XXXXXX`.
    public static func make(_ template: String) throws(SocketEngineError) -> FilePath {
        try SocketCalls.makePrivateFolder(template)
    }
}
