import Glibc
import YAMLDocument

/// Returns the report of a text's problems according to a schema, in the form in which users read it.
func report(_ text: String, _ schema: MappingSchema? = nil) -> String {
    let bytes = Array(text.utf8)
    let (root, syntax) = YAMLNode.parse(bytes)
    let problems = root.flatMap { root in schema.map { $0.problems(of: root) } } ?? []
    return DiagnosticRenderer(file: "f.yaml", source: bytes).render(syntax + problems)
}

func root(_ text: String) -> YAMLNode? { YAMLNode.parse(Array(text.utf8)).root }

/// Returns the value of the key `v` in the text `v: …`.
func value(_ text: String) -> YAMLNode? { root("v: \(text)")?["v"] }

/// Returns the processor time that `body` takes, s; it does not depend on other work of the machine.
func processorSeconds(_ body: () throws -> Void) rethrows -> Double {
    func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
    }
    let start = now()
    try body()
    return now() - start
}
