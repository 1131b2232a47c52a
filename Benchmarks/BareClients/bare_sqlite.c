#include "bare_client.h"

#include <sqlite3.h>
#include <stdlib.h>

struct sqlite_client {
    struct bare_client base;
    sqlite3 *handle;
    sqlite3_stmt **statements;
};

static int run_text(struct bare_client *base, const char *text) {
    struct sqlite_client *client = (struct sqlite_client *)base;
    if (sqlite3_exec(client->handle, text, NULL, NULL, NULL) == SQLITE_OK) return 0;
    bare_fail(base->error, sqlite3_errmsg(client->handle));
    return -1;
}

static void bind(struct bare_client *base, sqlite3_stmt *statement, int index, const struct bare_value *value,
                 const uint8_t key[16]) {
    const void *bytes = bare_bytes(base, value, key);
    switch (value->kind) {
    case BARE_NULL: sqlite3_bind_null(statement, index); break;
    case BARE_INTEGER: sqlite3_bind_int64(statement, index, value->integer); break;
    case BARE_CLOCK: sqlite3_bind_int64(statement, index, base->clock); break;
    case BARE_TEXT: sqlite3_bind_text(statement, index, bytes, (int)value->length, SQLITE_STATIC); break;
    default: sqlite3_bind_blob(statement, index, bytes, (int)bare_length(value), SQLITE_STATIC);
    }
}

/// Reads every column by its type.
static void read_row(struct bare_client *base, sqlite3_stmt *statement) {
    int count = sqlite3_column_count(statement);
    for (int i = 0; i < count; i++) {
        switch (sqlite3_column_type(statement, i)) {
        case SQLITE_INTEGER: base->bytes_read += (uint64_t)sqlite3_column_int64(statement, i) & 1; break;
        case SQLITE_TEXT: base->bytes_read += *sqlite3_column_text(statement, i); break;
        case SQLITE_BLOB:
            sqlite3_column_blob(statement, i);
            base->bytes_read += (uint64_t)sqlite3_column_bytes(statement, i);
        }
    }
}

static int run_statements(struct bare_client *base, const uint8_t key[16]) {
    struct sqlite_client *client = (struct sqlite_client *)base;
    for (int i = 0; i < base->script->statement_count; i++) {
        sqlite3_stmt *statement = client->statements[i];
        const struct bare_statement *source = &base->script->statements[i];
        for (int v = 0; v < source->value_count; v++) bind(base, statement, v + 1, &source->values[v], key);
        int code;
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) read_row(base, statement);
        sqlite3_reset(statement);
        if (code != SQLITE_DONE) {
            bare_fail(base->error, sqlite3_errmsg(client->handle));
            return -1;
        }
    }
    return 0;
}

static void close_client(struct bare_client *base) {
    struct sqlite_client *client = (struct sqlite_client *)base;
    for (int i = 0; client->statements && i < base->script->statement_count; i++)
        sqlite3_finalize(client->statements[i]);
    free(client->statements);
    sqlite3_close(client->handle);
    free(client);
}

struct bare_client *bare_sqlite_open(const char *path, const char *setup, const struct bare_script *script,
                                     char *error) {
    struct sqlite_client *client = calloc(1, sizeof *client);
    if (!client) return NULL;
    client->base = (struct bare_client){
        .run_statements = run_statements, .run_text = run_text, .close = close_client, .script = script};
    client->statements = calloc((size_t)script->statement_count, sizeof *client->statements);
    int code = sqlite3_open_v2(path, &client->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK && setup) code = sqlite3_exec(client->handle, setup, NULL, NULL, NULL);
    for (int i = 0; code == SQLITE_OK && i < script->statement_count; i++)
        code = sqlite3_prepare_v3(client->handle, script->statements[i].text, -1, SQLITE_PREPARE_PERSISTENT,
                                  &client->statements[i], NULL);
    if (code == SQLITE_OK) return &client->base;
    bare_fail(error, sqlite3_errmsg(client->handle));
    close_client(&client->base);
    return NULL;
}
