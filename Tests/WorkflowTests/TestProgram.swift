import Foundation

/// The program under test, built beside this test bundle.
enum TestProgram {
    static let aurelax: String = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: own).deletingLastPathComponent().appending(path: "aurelax").path
    }()
}
