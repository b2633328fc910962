public import SystemPackage

/// A folder that its user alone can enter: where UNIX sockets belong.
public enum PrivateFolder {
    /// Makes a new one.
    ///
    /// - Parameter template: a path that ends in `XXXXXX`.
    public static func make(_ template: String) throws(SocketEngineError) -> FilePath {
        try SocketCalls.makePrivateFolder(template)
    }
}
