import Handoff
import Testing

@Suite struct SCFProgressTests {
    private static let rows = """
        SCF iterations
        |iter     |     time |      energy | eigst |  dens |
        |---------|----------|-------------|-------|-------|
        |iter:   1| 23:59:58 |  -94.872590 |      c|       |
        |iter:   2| 23:59:59 |  -93.742938 |      c| -0.72 |
        |iter:   3| 00:00:01 |  -89.546736 |      c| -0.76 |

        """

    @Test("SCF cycles are counted and timed") func aCycleIsCountedAndTimed() {
        #expect(SCFProgress(log: Self.rows)?.description == "SCF cycle 3, 1.5 s each")
        // A line from the log of GPAW's older implementation.
        #expect(SCFProgress(log: "iter:   1 10:00:00   -9.5   -1.0c\n")?.description == "SCF cycle 1")
    }

    @Test("A converged geometry has no current SCF cycle") func aGeometryThatIsDoneHasNone() {
        #expect(SCFProgress(log: "") == nil)
        #expect(SCFProgress(log: Self.rows + "\nConverged in 3 steps\n") == nil)
        #expect(SCFProgress(log: Self.rows + "\nConverged in 3 steps\n" + Self.rows)?.cycle == 3)
    }
}
