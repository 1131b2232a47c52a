import ClusterCore
import StorageSQL
import Testing

@Suite("Tables that are carried")
struct CarriedTablesTests {
    @Test("every table of the schema is carried elsewhere or stays behind, by decision")
    func everyTable() {
        let carried = SQLBackend.carriedTables.map(\.name)
        #expect(Set(carried).count == carried.count)
        #expect(Set(carried).isDisjoint(with: SQLBackend.tablesLeftBehind))
        #expect(Set(carried).union(SQLBackend.tablesLeftBehind) == Set(Schema.tables.map(\.name)))
    }

    @Test("tables have keys, and columns that hold what the schema says")
    func shapes() {
        for table in SQLBackend.carriedTables {
            #expect(!table.key.isEmpty, "\(table.name)")
            #expect(table.columns.map(\.name) == Schema.tables.first { $0.name == table.name }?.columns.map(\.name))
        }
    }
}
