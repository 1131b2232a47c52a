// What Swift cannot call of libmariadb directly: macro aliases, and structs with unions. The include path comes from
// pkg-config.
#ifndef CMARIADB_SHIM_H
#define CMARIADB_SHIM_H

#include <string.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <errmsg.h>

/// Prepares the library for use by several threads; mysql_library_init is a macro alias. 0 on success.
static inline int cmariadb_init(void) {
    return mysql_server_init(0, (char **)0, (char **)0);
}

/// Describes one parameter or one column: `size` bytes at `buffer`; `length` and `is_null` are read for parameters and
/// written for columns.
static inline void cmariadb_bind(MYSQL_BIND *bind, enum enum_field_types type, void *buffer, unsigned long size,
                                 unsigned long *length, my_bool *is_null) {
    memset(bind, 0, sizeof *bind);
    bind->buffer_type = type;
    bind->buffer = buffer;
    bind->buffer_length = size;
    bind->length = length;
    bind->is_null = is_null;
}

/// The description of one column of a statement that was run. mysql_stmt_result_metadata copies all of them each time.
static inline const MYSQL_FIELD *cmariadb_field(const MYSQL_STMT *statement, unsigned int column) {
    return statement->fields && column < statement->field_count ? statement->fields + column : NULL;
}

/// Sends a prepared statement and does not wait for its answer. 0 on success.
static inline int cmariadb_send_execute(MYSQL *connection, MYSQL_STMT *statement) {
    my_bool skips = 1, waits = 0;
    int failed;
    mysql_optionsv(connection, MARIADB_OPT_SKIP_READ_RESPONSE, &skips);
    failed = mysql_stmt_execute(statement);
    mysql_optionsv(connection, MARIADB_OPT_SKIP_READ_RESPONSE, &waits);
    return failed;
}

/// Reads the answer to a statement that was sent, up to its rows. 0 on success.
static inline int cmariadb_read_execute(MYSQL *connection, MYSQL_STMT *statement) {
    return connection->methods->db_read_execute_response(statement);
}

#endif
