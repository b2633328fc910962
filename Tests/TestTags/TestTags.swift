public import Testing

/// The faults of docs/reliability.md by number. `swift test --filter fault07` selects the tests of fault 7 by their
/// names.
extension Tag {
    /// Kill -9 at any moment.
    @Tag public static var fault01: Self
    /// Power loss.
    @Tag public static var fault02: Self
    /// Crash during recovery.
    @Tag public static var fault03: Self
    /// Space, quota, descriptors run out; read-only.
    @Tag public static var fault04: Self
    /// `fsync` or `close` fails.
    @Tag public static var fault05: Self
    /// Short write, interrupted call.
    @Tag public static var fault06: Self
    /// Torn or flipped state.
    @Tag public static var fault07: Self
    /// Two daemons on one spool.
    @Tag public static var fault08: Self
    /// State on NFS, FUSE, SMB, Lustre, 9P.
    @Tag public static var fault09: Self
    /// Inotify queue overflow; a hundred thousand files in the inbox.
    @Tag public static var fault10: Self
    /// The watcher dies or cannot start.
    @Tag public static var fault11: Self
    /// No events at all.
    @Tag public static var fault12: Self
    /// Inbox removed or renamed.
    @Tag public static var fault13: Self
    /// Files dropped while starting.
    @Tag public static var fault14: Self
    /// Half-written files.
    @Tag public static var fault15: Self
    /// Temporary names.
    @Tag public static var fault16: Self
    /// The writer continues after the claim.
    @Tag public static var fault17: Self
    /// The same job twice.
    @Tag public static var fault18: Self
    /// A file vanishes while it is claimed.
    @Tag public static var fault19: Self
    /// Link, pipe, directory, hard link.
    @Tag public static var fault20: Self
    /// `../`, absolute, NUL, a parent that is a link.
    @Tag public static var fault21: Self
    /// Huge, sparse, one long line.
    @Tag public static var fault22: Self
    /// Hostile names.
    @Tag public static var fault23: Self
    /// YAML bombs.
    @Tag public static var fault24: Self
    /// YAML scalar traps.
    @Tag public static var fault25: Self
    /// Malformed XYZ, manifests.
    @Tag public static var fault26: Self
    /// Wrong atom counts.
    @Tag public static var fault27: Self
    /// NaN, coincident atoms, singular cells, unknown elements.
    @Tag public static var fault28: Self
    /// The engine aborts, gives NaN, does not converge.
    @Tag public static var fault29: Self
    /// Hang, out-of-memory kill, SIGTERM.
    @Tag public static var fault30: Self
    /// Crash while publishing.
    @Tag public static var fault31: Self
    /// The name in the outbox is taken.
    @Tag public static var fault32: Self
    /// Wrong, stale, partial, foreign results; foreign packages.
    @Tag public static var fault33: Self
    /// Clock jumps, times of 1970 and 2100.
    @Tag public static var fault34: Self
    /// The dashboard.
    @Tag public static var fault35: Self
    /// Structure files changed by other programs, editors and browsers.
    @Tag public static var fault36: Self
    /// Conflict copies, misspelled names, names that differ in case or accents, a structure named like a result.
    @Tag public static var fault37: Self
    /// Slurm refuses, is unreachable, lacks a program, or a setup line fails.
    @Tag public static var fault38: Self
}
