import Atomistics
import OrderedCollections
import TestTags
import Testing

/// Structure files in the forms in which other programs, editors and browsers write them.
@Suite struct FilesPeopleHaveTests {
    private func read(_ bytes: [UInt8]) throws -> Atoms {
        try #require(try ExtXYZ.frames(in: bytes, label: "a.xyz").last)
    }

    private func read(_ text: String) throws -> Atoms { try read(Array(text.utf8)) }

    private func message(_ bytes: [UInt8]) -> String {
        do {
            _ = try ExtXYZ.frames(in: bytes, label: "a.xyz")
            return "read"
        } catch { return "\(error)" }
    }

    @Test("Single quotes enclose a value, as in ASE", .tags(.fault36))
    func fault36SingleQuotes() throws {
        let atoms = try read(
            "1\nLattice='10 0 0 0 10 0 0 0 10' config_type='big ring' note='it\\'s' a=\"it's\" w=['x y', \"z\"] "
                + "pbc='F F F' Properties=species:S:1:pos:R:3\nO 0 0 0\n")
        #expect(atoms.cell == Cell([10, 0, 0], [0, 10, 0], [0, 0, 10]) && atoms.periodicity == .none)
        #expect(atoms.info["config_type"] == .string("big ring"))
        #expect(atoms.info["note"] == .string("it's") && atoms.info["a"] == .string("it's"))
        #expect(atoms.info["w"] == .strings(["x y", "z"]))
        #expect(try read(String(decoding: ExtXYZ.bytes(of: [atoms]), as: UTF8.self)) == atoms)
    }

    @Test("Atomic numbers replace symbols, and a contradiction is reported", .tags(.fault36))
    func fault36AtomicNumbers() throws {
        let atoms = try read("2\nProperties=Z:I:1:pos:R:3\n8 0 0 0\n1 0.96 0 0\n")
        #expect(atoms.formula == "HO" && atoms.columns.isEmpty)
        let both = "1\nProperties=species:S:1:Z:I:1:pos:R:3\nO 7 0 0 0\n"
        #expect(message(Array(both.utf8)) == "a.xyz:3: species is O, but Z is 7 (O is 8)")
    }

    @Test("A move_mask of integers or with one value per axis is read as in ASE", .tags(.fault36))
    func fault36MoveMasks() throws {
        let whole = try read("2\nProperties=species:S:1:pos:R:3:move_mask:I:1\nO 0 0 0 0\nH 0.96 0 0 1\n")
        #expect(whole.moveMask == [false, true] && whole.fixedCoordinates.isEmpty)
        let axes = try read(
            "3\nProperties=species:S:1:pos:R:3:move_mask:I:3\nO 0 0 0 0 0 0\nH 1 0 0 1 1 0\nH 0 1 0 1 1 1\n")
        #expect(axes.moveMask == [false, true, true] && axes.fixedCoordinates == [5])
        #expect(try read(String(decoding: ExtXYZ.bytes(of: [axes]), as: UTF8.self)) == axes)
        let odd = "1\nProperties=species:S:1:pos:R:3:move_mask:S:1\nO 0 0 0 T\n"
        #expect(message(Array(odd.utf8)).contains("move_mask is S:1"))
    }

    @Test("A byte-order mark is skipped; foreign formats are named", .tags(.fault36))
    func fault36Beginnings() throws {
        #expect(try read([0xEF, 0xBB, 0xBF] + Array("1\n\nO 0 0 0\n".utf8)).count == 1)
        var utf16: [UInt8] = [0xFF, 0xFE]
        for unit in "1\n\nO 0 0 0\n".utf16 { utf16 += [UInt8(unit & 0xFF), UInt8(unit >> 8)] }
        #expect(message(utf16) == "a.xyz:1:1: the file is UTF-16 text (save it as UTF-8)")
        #expect(message(Array(utf16.dropFirst(2))).contains("UTF-16"))
        #expect(message([0x1F, 0x8B, 8, 0, 0, 10]).contains("compressed (gzip)"))
        #expect(message(Array("<!DOCTYPE html>\n".utf8)).contains("web page"))
        #expect(message(Array("1\r\rO 0 0 0\r".utf8)).contains("carriage return"))
        #expect(message([0x7F, 0x45, 0x4C, 0x46, 0, 0, 10]).contains("not text"))
    }

    @Test("A decimal comma and a typographic minus are refused with the right spelling", .tags(.fault36))
    func fault36Numbers() {
        #expect(message(Array("1\n\nO 0,5 0 0\n".utf8)).hasSuffix("(write 0.5)"))
        #expect(message(Array("1\n\nO \u{2212}1.5 0 0\n".utf8)).hasSuffix("(write -1.5)"))
    }
}
