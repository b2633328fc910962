import Foundation

/// Returns true for a plain file of at most `limit` bytes.
///
/// Others may put anything into the outbox: a pipe would block its reader for ever, a link may lead out of the folder,
/// and a huge file would fill the memory.
public func isPlainFile(atPath path: String, limit: Int) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_size <= limit
}
