import LinearAlgebra
import Testing

@Suite struct NPYTests {
    @Test("A .npy file has the right header and values") func headerAndValues() throws {
        let bytes = Matrix([[1, -2.5, 0], [3, 4, 5]]).npy
        #expect(Array(bytes[0..<8]) == [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0])
        let length = Int(bytes[8]) + Int(bytes[9]) << 8
        #expect((10 + length) % 64 == 0)
        #expect(bytes.count == 10 + length + 6 * 8)
        let header = String(decoding: bytes[10..<10 + length], as: UTF8.self)
        #expect(header.hasPrefix("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }"))
        #expect(header.hasSuffix("\n"))
        let second = bytes[(10 + length + 8)..<(10 + length + 16)].reversed().reduce(UInt64(0)) {
            $0 << 8 | UInt64($1)
        }
        #expect(Double(bitPattern: second) == -2.5)
    }
}
