// What Swift cannot call of SQLite directly: variadic functions and cast macros.
#ifndef CSQLITE_SHIM_H
#define CSQLITE_SHIM_H

#include <sqlite3.h>

/// Turns SQLITE_DBCONFIG_DEFENSIVE on or off (sqlite3_db_config is variadic).
static inline int csqlite_defensive(sqlite3 *db, int on) {
    return sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, on, (int *)0);
}

/// SQLITE_TRANSIENT is a cast macro that the importer skips.
static inline sqlite3_destructor_type csqlite_transient(void) {
    return SQLITE_TRANSIENT;
}

#endif
