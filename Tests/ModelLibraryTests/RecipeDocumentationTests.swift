import Foundation
import ModelLibrary
import Testing
import YAMLDocument

/// docs/recipes.md agrees with the schema of recipes.
@Suite struct RecipeDocumentationTests {
    @Test("Every key is in a table of the document") func everyKeyIsInATable() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let document = try String(contentsOf: root.appendingPathComponent("docs/recipes.md"), encoding: .utf8)
        #expect(RecipeSchema.tables.count >= 10)
        for (name, schema) in RecipeSchema.tables {
            let table = "<!-- \(name) -->\n\(schema.markdown)\n"
            #expect(document.contains("\n\(table)"), "docs/recipes.md:\n\(table)")
        }
    }
}
