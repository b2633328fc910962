/// Numbers of elements of a job array, in Slurm's notation.
public enum ArrayElements {
    /// Returns the numbers, ascending, in the shortest notation: `1-3,5`.
    public static func text(_ numbers: [Int]) -> String {
        var ranges: [ClosedRange<Int>] = []
        for number in Set(numbers).sorted() {
            if let last = ranges.last, last.upperBound + 1 == number {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
        return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }

    /// Parses `3`, `3-7`, `[1,3-7%2]`, `0-8:4` and `1-3,…` (a list that Slurm cut off gives only the numbers
    /// that it shows); nil for any other text.
    public static func numbers(_ text: some StringProtocol) -> [Int]? {
        var list = text.prefix { $0 != "%" }[...]
        if list.first == "[" { list = list.dropFirst() }
        if list.last == "]" { list = list.dropLast() }
        var numbers: [Int] = []
        for part in list.split(separator: ",", omittingEmptySubsequences: false) {
            if part == "..." { break }
            let ends = part.split(separator: ":", omittingEmptySubsequences: false)
            let bounds = ends[0].split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard ends.count <= 2, (1...2).contains(bounds.count), let first = bounds[0],
                let last = bounds[bounds.count - 1],
                let step = ends.count == 2 ? Int(ends[1]) : 1, first >= 0, last >= first, step > 0,
                (last - first) / step < 1 << 22
            else { return nil }
            numbers += stride(from: first, through: last, by: step)
        }
        return numbers.isEmpty ? nil : numbers
    }

    /// Parses a job as `squeue` and `sacct` print it: `12`, `12_3`, `12_[3-7%2]`; the elements are nil unless
    /// the job is an array.
    static func job(_ text: some StringProtocol) -> (id: Int, elements: [Int]?)? {
        let parts = text.split(separator: "_", maxSplits: 1, omittingEmptySubsequences: false)
        guard let id = parts.first.flatMap({ Int($0) }) else { return nil }
        guard parts.count == 2 else { return (id, nil) }
        return numbers(parts[1]).map { (id, $0) }
    }
}
