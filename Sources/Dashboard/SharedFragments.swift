/// Parts of pages that many clients request: each is made once for all of them.
actor SharedFragments {
    private struct Entry {
        var text: String
        /// The time at which it expires.
        var end: ContinuousClock.Instant
    }

    private var entries: [String: Entry] = [:]

    /// Returns the part under `key`, at most a second old, or at most ten times as old as it takes
    /// to make: all requests together never cost more than a tenth of a processor.
    func fragment(_ key: String, _ make: () throws -> String) rethrows -> String {
        let start = ContinuousClock.now
        if let known = entries[key], known.end > start { return known.text }
        entries = entries.filter { $0.value.end > start }
        let text = try make()
        let cost = start.duration(to: .now)
        entries[key] = Entry(text: text, end: .now + max(.milliseconds(900), cost * 10))
        return text
    }
}
