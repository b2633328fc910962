import SystemPackage

/// What files of the inbox wait for, or why they are of no use: `.aurelax/inbox.json`, for whoever asks.
struct InboxNotes: Codable, Equatable {
    static let file = FilePath.Component(plain: "inbox.json")
    /// More files than a person reads about.
    private static let most = 1000

    var files: [String: String]

    init(_ files: [String: String]) {
        let named = files.sorted { $0.key < $1.key }.prefix(Self.most)
        self.files = Dictionary(uniqueKeysWithValues: named.map { ($0.key, String($0.value.prefix(500))) })
    }
}
