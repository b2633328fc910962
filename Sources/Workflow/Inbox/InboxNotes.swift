import SystemPackage

/// The reasons why files of the inbox wait or cannot be used: `.aurelax/inbox.json`, for commands
/// that show them.
struct InboxNotes: Codable, Equatable {
    static let file = FilePath.Component(plain: "inbox.json")
    /// Largest number of listed files.
    private static let most = 1000

    var files: [String: String]

    init(_ files: [String: String]) {
        let named = files.sorted { $0.key < $1.key }.prefix(Self.most)
        self.files = Dictionary(uniqueKeysWithValues: named.map { ($0.key, String($0.value.prefix(500))) })
    }
}
