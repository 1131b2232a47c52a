#include "bare_client.h"

#include <mysql.h>
#include <stdlib.h>
#include <string.h>

/// Longer values do not come up in what is measured.
enum { CELL_BYTES = 4096 };

/// A column of a result.
struct cell {
    unsigned long length;
    my_bool is_null;
    char bytes[CELL_BYTES];
};

/// A prepared statement and its buffers.
struct prepared {
    MYSQL_STMT *handle;
    MYSQL_BIND *parameters;
    MYSQL_BIND *columns;
    struct cell *cells;
    unsigned column_count;
};

struct mariadb_client {
    struct bare_client base;
    MYSQL *handle;
    struct prepared *statements;
    uint8_t key[16];
};

static int run_text(struct bare_client *base, const char *text) {
    struct mariadb_client *client = (struct mariadb_client *)base;
    if (mysql_real_query(client->handle, text, strlen(text)) == 0) return 0;
    bare_fail(base->error, mysql_error(client->handle));
    return -1;
}

static int bind_columns(struct prepared *prepared) {
    MYSQL_RES *metadata = mysql_stmt_result_metadata(prepared->handle);
    if (!metadata) return 0;
    MYSQL_FIELD *fields = mysql_fetch_fields(metadata);
    prepared->column_count = mysql_num_fields(metadata);
    prepared->columns = calloc(prepared->column_count, sizeof *prepared->columns);
    prepared->cells = calloc(prepared->column_count, sizeof *prepared->cells);
    for (unsigned i = 0; prepared->columns && prepared->cells && i < prepared->column_count; i++) {
        struct cell *cell = &prepared->cells[i];
        prepared->columns[i] = (MYSQL_BIND){
            .buffer_type = IS_NUM(fields[i].type) ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_BLOB, .buffer = cell->bytes,
            .buffer_length = CELL_BYTES, .length = &cell->length, .is_null = &cell->is_null};
    }
    mysql_free_result(metadata);
    return prepared->columns && prepared->cells ? mysql_stmt_bind_result(prepared->handle, prepared->columns) : -1;
}

static int run_one(struct mariadb_client *client, struct prepared *prepared) {
    if (mysql_stmt_execute(prepared->handle)) return -1;
    if (mysql_stmt_field_count(prepared->handle) == 0) return 0;
    // The columns of INSERT … RETURNING are told when it runs, not when it is prepared.
    if (prepared->column_count == 0 && bind_columns(prepared)) return -1;
    if (mysql_stmt_store_result(prepared->handle)) return -1;
    int code;
    while ((code = mysql_stmt_fetch(prepared->handle)) == 0)
        for (unsigned i = 0; i < prepared->column_count; i++)
            if (!prepared->cells[i].is_null) client->base.bytes_read += prepared->cells[i].length;
    mysql_stmt_free_result(prepared->handle);
    return code == MYSQL_NO_DATA ? 0 : -1;
}

static int run_statements(struct bare_client *base, const uint8_t key[16]) {
    struct mariadb_client *client = (struct mariadb_client *)base;
    memcpy(client->key, key, 16);
    for (int i = 0; i < base->script->statement_count; i++) {
        if (run_one(client, &client->statements[i]) == 0) continue;
        bare_fail(base->error, mysql_stmt_error(client->statements[i].handle));
        return -1;
    }
    return 0;
}

static int bind_parameters(struct mariadb_client *client, struct prepared *prepared,
                           const struct bare_statement *source) {
    prepared->parameters = calloc((size_t)source->value_count + 1, sizeof *prepared->parameters);
    if (!prepared->parameters) return -1;
    for (int i = 0; i < source->value_count; i++) {
        const struct bare_value *value = &source->values[i];
        MYSQL_BIND *bind = &prepared->parameters[i];
        bind->buffer = (void *)bare_bytes(&client->base, value, client->key);
        bind->buffer_length = bare_length(value);
        switch (value->kind) {
        case BARE_NULL: bind->buffer_type = MYSQL_TYPE_NULL; break;
        case BARE_INTEGER:
        case BARE_CLOCK:
            bind->buffer_type = MYSQL_TYPE_LONGLONG;
            bind->buffer = value->kind == BARE_CLOCK ? (void *)&client->base.clock : (void *)&value->integer;
            break;
        case BARE_TEXT: bind->buffer_type = MYSQL_TYPE_STRING; break;
        default: bind->buffer_type = MYSQL_TYPE_BLOB;
        }
    }
    return mysql_stmt_bind_param(prepared->handle, prepared->parameters);
}

static int prepare(struct mariadb_client *client, struct prepared *prepared, const struct bare_statement *source) {
    prepared->handle = mysql_stmt_init(client->handle);
    if (!prepared->handle) return -1;
    if (mysql_stmt_prepare(prepared->handle, source->text, strlen(source->text))) return -1;
    if (mysql_stmt_param_count(prepared->handle) != (unsigned long)source->value_count) return -1;
    return bind_parameters(client, prepared, source) || bind_columns(prepared) ? -1 : 0;
}

static void close_client(struct bare_client *base) {
    struct mariadb_client *client = (struct mariadb_client *)base;
    for (int i = 0; client->statements && i < base->script->statement_count; i++) {
        struct prepared *prepared = &client->statements[i];
        if (prepared->handle) mysql_stmt_close(prepared->handle);
        free(prepared->parameters);
        free(prepared->columns);
        free(prepared->cells);
    }
    free(client->statements);
    if (client->handle) mysql_close(client->handle);
    free(client);
}

static int open_client(struct mariadb_client *client, const struct bare_server *server, const char *setup) {
    unsigned protocol = MYSQL_PROTOCOL_TCP;
    client->handle = mysql_init(NULL);
    if (!client->handle || !client->statements) return -1;
    mysql_options(client->handle, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_options(client->handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(client->handle, server->host, server->user, server->password, server->database,
                            server->port, NULL, CLIENT_FOUND_ROWS))
        return -1;
    if (setup && run_text(&client->base, setup)) return -1;
    for (int i = 0; i < client->base.script->statement_count; i++)
        if (prepare(client, &client->statements[i], &client->base.script->statements[i])) return -1;
    return 0;
}

struct bare_client *bare_mariadb_open(const struct bare_server *server, const char *setup,
                                      const struct bare_script *script, char *error) {
    struct mariadb_client *client = calloc(1, sizeof *client);
    if (!client) return NULL;
    client->base = (struct bare_client){
        .run_statements = run_statements, .run_text = run_text, .close = close_client, .script = script};
    client->statements = calloc((size_t)script->statement_count, sizeof *client->statements);
    if (open_client(client, server, setup) == 0) return &client->base;
    bare_fail(error, client->handle ? mysql_error(client->handle) : "out of memory");
    for (int i = 0; client->statements && i < script->statement_count; i++)
        if (client->statements[i].handle && mysql_stmt_errno(client->statements[i].handle))
            bare_fail(error, mysql_stmt_error(client->statements[i].handle));
    close_client(&client->base);
    return NULL;
}
