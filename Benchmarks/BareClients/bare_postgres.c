#include "bare_client.h"

#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALUES = 64, TYPE_BYTEA = 17, TYPE_INT8 = 20, TYPE_TEXT = 25 };

/// The parameters of a statement as libpq wants them.
struct parameters {
    Oid types[VALUES];
    const char *values[VALUES];
    int lengths[VALUES];
    int formats[VALUES];
    int64_t integers[VALUES];
};

struct postgres_client {
    struct bare_client base;
    PGconn *handle;
    struct parameters *statements;
};

static int finish(struct postgres_client *client, PGresult *result) {
    ExecStatusType status = PQresultStatus(result);
    int is_good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
    if (!is_good) bare_fail(client->base.error, PQerrorMessage(client->handle));
    int rows = PQntuples(result), columns = PQnfields(result);
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++)
            if (!PQgetisnull(result, row, column))
                client->base.bytes_read +=
                    (uint64_t)PQgetlength(result, row, column) + (uint64_t)(*PQgetvalue(result, row, column) & 1);
    PQclear(result);
    return is_good ? 0 : -1;
}

static void ignore_notice(void *context, const char *message) {
    (void)context;
    (void)message;
}

static int run_text(struct bare_client *base, const char *text) {
    struct postgres_client *client = (struct postgres_client *)base;
    return finish(client, PQexec(client->handle, text));
}

static int run_statements(struct bare_client *base, const uint8_t key[16]) {
    struct postgres_client *client = (struct postgres_client *)base;
    for (int i = 0; i < base->script->statement_count; i++) {
        const struct bare_statement *source = &base->script->statements[i];
        struct parameters *parameters = &client->statements[i];
        char name[16];
        for (int v = 0; v < source->value_count; v++) {
            if (source->values[v].kind == BARE_KEY) parameters->values[v] = (const char *)key;
            if (source->values[v].kind == BARE_CLOCK) parameters->integers[v] = (int64_t)htobe64((uint64_t)base->clock);
        }
        snprintf(name, sizeof name, "b%d", i);
        PGresult *result = PQexecPrepared(client->handle, name, source->value_count, parameters->values,
                                          parameters->lengths, parameters->formats, 1);
        if (finish(client, result)) return -1;
    }
    return 0;
}

static int prepare(struct postgres_client *client, int index) {
    const struct bare_statement *source = &client->base.script->statements[index];
    struct parameters *parameters = &client->statements[index];
    char name[16];
    if (source->value_count > VALUES) return -1;
    for (int i = 0; i < source->value_count; i++) {
        const struct bare_value *value = &source->values[i];
        parameters->formats[i] = 1;
        parameters->values[i] = bare_bytes(&client->base, value, client->base.unique);
        parameters->lengths[i] = (int)bare_length(value);
        switch (value->kind) {
        case BARE_NULL: parameters->values[i] = NULL; break;
        case BARE_INTEGER:
        case BARE_CLOCK:
            parameters->types[i] = TYPE_INT8;
            parameters->integers[i] = (int64_t)htobe64((uint64_t)value->integer);
            parameters->values[i] = (const char *)&parameters->integers[i];
            parameters->lengths[i] = 8;
            break;
        case BARE_TEXT: parameters->types[i] = TYPE_TEXT; break;
        default: parameters->types[i] = TYPE_BYTEA;
        }
    }
    snprintf(name, sizeof name, "b%d", index);
    return finish(client, PQprepare(client->handle, name, source->text, source->value_count, parameters->types));
}

static void close_client(struct bare_client *base) {
    struct postgres_client *client = (struct postgres_client *)base;
    PQfinish(client->handle);
    free(client->statements);
    free(client);
}

struct bare_client *bare_postgres_open(const struct bare_server *server, const char *setup,
                                       const struct bare_script *script, char *error) {
    struct postgres_client *client = calloc(1, sizeof *client);
    char port[8];
    if (!client) return NULL;
    client->base = (struct bare_client){
        .run_statements = run_statements, .run_text = run_text, .close = close_client, .script = script};
    client->statements = calloc((size_t)script->statement_count, sizeof *client->statements);
    snprintf(port, sizeof port, "%u", server->port);
    const char *keys[] = {"host", "port", "user", "password", "dbname", "sslmode", NULL};
    const char *values[] = {server->host, port, server->user, server->password, server->database, "disable", NULL};
    client->handle = PQconnectdbParams(keys, values, 0);
    PQsetNoticeProcessor(client->handle, ignore_notice, NULL);
    int failed = PQstatus(client->handle) != CONNECTION_OK || !client->statements;
    if (failed) bare_fail(client->base.error, PQerrorMessage(client->handle));
    if (!failed && setup) failed = run_text(&client->base, setup);
    for (int i = 0; !failed && i < script->statement_count; i++) failed = prepare(client, i);
    if (!failed) return &client->base;
    bare_fail(error, client->base.error);
    close_client(&client->base);
    return NULL;
}
