public import DurableFiles
public import SystemPackage

/// Names of the files and folders in a package whose existence shows its state.
public enum PackageLayout {
    /// The folder of the calculation's output.
    public static let result: FilePath.Component = "result"
    /// The file that is written last when the package is published.
    public static let manifest: FilePath.Component = "MANIFEST.json"
    /// The file that is written last when the calculation has ended.
    public static let marker: FilePath.Component = "DONE.json"
    /// The file that marks the package as withdrawn.
    public static let cancelled: FilePath.Component = "CANCELLED"

    /// Opens the package's `result/`.
    ///
    /// - Returns: nil while there is none.
    /// - Throws: ``PackageRefusal/unusableResult(_:)`` if a link, a file or something else has that name.
    public static func result(of package: Directory) throws -> Directory? {
        switch try package.status(of: result)?.kind {
        case nil: return nil
        case .directory: return try package.subdirectory(result)
        case .symbolicLink: throw PackageRefusal.unusableResult("a symbolic link")
        case .regular, .other: throw PackageRefusal.unusableResult("a file")
        }
    }

    /// Opens the package's `result/` and makes it if it is missing.
    ///
    /// - Throws: as ``result(of:)``.
    public static func makeResult(of package: Directory) throws -> Directory {
        try result(of: package) ?? package.makeSubdirectory(result)
    }

    /// Returns true once the calculation has ended and its result is complete.
    public static func hasResult(_ package: Directory) throws -> Bool {
        try result(of: package)?.status(of: marker) != nil
    }
}
