import Foundation
import Fuzzing

private let target = ProcessInfo.processInfo.environment["AURELAX_FUZZ_TARGET"].flatMap(
    FuzzTarget.init(rawValue:))

/// The entry point of libFuzzer, which has its own `main`.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let target else {
        preconditionFailure("AURELAX_FUZZ_TARGET is none of \(FuzzTarget.allCases.map(\.rawValue))")
    }
    do {
        try target.run(Array(UnsafeBufferPointer(start: data, count: size)))
    } catch {
        preconditionFailure("\(error)")
    }
    return 0
}
