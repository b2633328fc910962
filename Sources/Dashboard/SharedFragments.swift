/// Parts of pages that many clients look at: each is made once for all of them, not once a client.
actor SharedFragments {
    private struct Entry {
        var text: String
        /// Until when it is good.
        var end: ContinuousClock.Instant
    }

    private var entries: [String: Entry] = [:]

    /// The part under `key`, at most a second old, or ten times as old as it takes to make where that is longer: looking
    /// never costs more than a tenth of a processor.
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
