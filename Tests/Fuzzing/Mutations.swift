import Foundation
import LinearAlgebra

/// A sequence of nearly valid inputs, which is the same in every run.
package struct Mutations: Sequence, IteratorProtocol {
    private let seeds: [[UInt8]]
    private let tokens: [[UInt8]]
    private var random: SplitMix
    private var left: Int

    /// - Parameters:
    ///   - tokens: pieces of text that mean something to the reader.
    ///   - quick: number of inputs in an ordinary run.
    ///   - full: number of inputs in `make torture`.
    package init(
        of seeds: [[UInt8]], tokens: [String] = [], seed: UInt64, quick: Int, full: Int = 100_000
    ) {
        self.seeds = seeds
        self.tokens = tokens.map { Array($0.utf8) }
        random = SplitMix(seed: seed)
        left = ProcessInfo.processInfo.environment["AURELAX_TORTURE"] == "1" ? full : quick
    }

    package mutating func next() -> [UInt8]? {
        guard left > 0, var bytes = seeds.randomElement(using: &random) else { return nil }
        left -= 1
        if Int.random(in: 0..<4, using: &random) == 0 {
            bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
        }
        for _ in 0..<Int.random(in: 1...5, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            let end = Swift.min(bytes.count, place + Int.random(in: 0..<12, using: &random))
            switch Int.random(in: 0..<5, using: &random) {
            case 0 where place < bytes.count: bytes[place] = .random(in: 0...255, using: &random)
            case 1 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
            default: bytes.insert(contentsOf: tokens.randomElement(using: &random) ?? [0], at: place)
            }
        }
        return bytes
    }
}
