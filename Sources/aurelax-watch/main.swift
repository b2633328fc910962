// Watches directories and prints one line per hint. Licensed under GPL-2.0, unlike the rest of
// aurelax, because libinotifytools is: see LICENSES/GPL-2.0.txt.
//
//     aurelax-watch DIRECTORY...
//
// Standard output: fields separated by tabs; directory and name are percent-encoded, so that all
// bytes are safe:
//     ready
//     closed    DIRECTORY  NAME    a writer closed the file
//     moved     DIRECTORY  NAME    the file was renamed into the directory
//     changed   DIRECTORY  NAME    created, written to, renamed away or removed
//     overflow                     the kernel dropped events: look at all files
//     gone      DIRECTORY          removed, renamed or unmounted; the last line
//
// Ends when standard input closes (its parent has ended), with exit status 0; 1 if a directory
// cannot be watched; 2 without an argument; 3 after `gone`.
import CInotifyTools
import Glibc

func percentEncoded(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    let digits = Array("0123456789ABCDEF")
    for byte in bytes {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
            UInt8(ascii: "_"), UInt8(ascii: "/"):
            text.unicodeScalars.append(Unicode.Scalar(byte))
        default:
            text += "%" + String(digits[Int(byte >> 4)]) + String(digits[Int(byte & 15)])
        }
    }
    return text
}

func bytes(of text: UnsafePointer<CChar>) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
}

/// Writes a complete line; ends the process if there is no reader any more.
func emit(_ fields: String...) {
    var line = Array((fields.joined(separator: "\t") + "\n").utf8)[...]
    while !line.isEmpty {
        let written = line.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
        if written >= 0 {
            line = line.dropFirst(written)
        } else if errno != EINTR {
            exit(0)
        }
    }
}

/// Ends the process when standard input is closed; runs in a thread of its own.
nonisolated func endWithStandardInput(_: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    var byte: UInt8 = 0
    while true {
        let count = read(STDIN_FILENO, &byte, 1)
        if count == 0 || (count < 0 && errno != EINTR) { _exit(0) }
    }
}

func complain(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

let directories = CommandLine.arguments.dropFirst()
guard !directories.isEmpty else {
    complain("usage: aurelax-watch DIRECTORY...")
    exit(2)
}

// If the parent dies, this process must end too, even while the library is waiting.
signal(SIGPIPE, SIG_IGN)
var thread = pthread_t()
let started = pthread_create(&thread, nil, endWithStandardInput, nil)
guard started == 0 else {
    complain("aurelax-watch: cannot start a thread: \(String(cString: strerror(started)))")
    exit(1)
}
guard inotifytools_initialize() != 0 else {
    complain("aurelax-watch: cannot start inotify: \(String(cString: strerror(inotifytools_error())))")
    exit(1)
}

let events =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF
for directory in directories {
    guard inotifytools_watch_file(directory, Int32(events)) != 0 else {
        complain("aurelax-watch: \(directory): \(String(cString: strerror(inotifytools_error())))")
        exit(1)
    }
}
emit("ready")

while true {
    guard let event = inotifytools_next_events(3600, 1) else {
        let code = inotifytools_error()
        if code == 0 || code == EINTR { continue }
        complain("aurelax-watch: \(String(cString: strerror(code)))")
        exit(1)
    }
    let mask = event.pointee.mask
    if event.pointee.wd < 0 || mask & UInt32(IN_Q_OVERFLOW) != 0 {
        emit("overflow")
        continue
    }
    guard let path = inotifytools_filename_from_wd(event.pointee.wd) else { continue }
    let directory = percentEncoded(bytes(of: path))
    if mask & UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT) != 0 {
        emit("gone", directory)
        exit(3)
    }
    guard event.pointee.len > 0 else { continue }
    let start = UnsafeRawPointer(event).advanced(by: MemoryLayout<inotify_event>.size)
    let name = percentEncoded(bytes(of: start.assumingMemoryBound(to: CChar.self)))
    let kind =
        mask & UInt32(IN_CLOSE_WRITE) != 0 ? "closed" : mask & UInt32(IN_MOVED_TO) != 0 ? "moved" : "changed"
    emit(kind, directory, name)
}
