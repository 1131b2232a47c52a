// Database clients as one writes them in C with each library: prepared statements, buffers bound once, nothing else.
// They are the measure that the stores are held against.
#ifndef BARE_CLIENTS_H
#define BARE_CLIENTS_H

#include <stddef.h>
#include <stdint.h>

/// Where a statement's value comes from.
enum bare_kind {
    BARE_NULL,
    BARE_INTEGER,
    BARE_TEXT,
    BARE_BLOB,
    /// 16 bytes: the key of the operation.
    BARE_KEY,
    /// 16 bytes that no other operation has.
    BARE_UNIQUE,
    /// The time of day in microseconds since 1970, a number that grows from one operation to the next.
    BARE_CLOCK,
};

/// A value that is bound.
struct bare_value {
    enum bare_kind kind;
    int64_t integer;
    const void *bytes;
    size_t length;
};

/// A statement with its values, placeholders written as its database wants them.
struct bare_statement {
    const char *text;
    const struct bare_value *values;
    int value_count;
};

/// What one operation does: the statements once for each of its keys, between `begin` and `commit` unless these are
/// NULL. All rows are fetched and every column of them is read.
struct bare_script {
    const char *begin;
    const char *commit;
    const struct bare_statement *statements;
    int statement_count;
    int keys_per_operation;
};

/// How to reach a server.
struct bare_server {
    const char *host;
    uint16_t port;
    const char *user;
    const char *password;
    const char *database;
};

/// One connection with its statements prepared.
struct bare_client {
    /// Runs the script once for a key; 0 on success.
    int (*run_statements)(struct bare_client *client, const uint8_t key[16]);
    /// Runs a statement without values; 0 on success.
    int (*run_text)(struct bare_client *client, const char *text);
    void (*close)(struct bare_client *client);
    const struct bare_script *script;
    uint8_t unique[16];
    int64_t clock;
    /// How many bytes the rows had, so that reading them cannot be left out.
    uint64_t bytes_read;
    char error[256];
};

/// Each opens a connection and prepares the script's statements, which must outlive it; NULL with a reason in `error`
/// (256 bytes) when that fails. `setup` is run first, unless it is NULL.
struct bare_client *bare_sqlite_open(const char *path, const char *setup, const struct bare_script *script,
                                     char *error);
struct bare_client *bare_mariadb_open(const struct bare_server *server, const char *setup,
                                      const struct bare_script *script, char *error);
struct bare_client *bare_postgres_open(const struct bare_server *server, const char *setup,
                                       const struct bare_script *script, char *error);

/// Closes a connection.
void bare_close(struct bare_client *client);

/// Runs `operations` on every client at once, each client on a thread of its own and with keys of its own share of
/// `keys` (16 bytes each).
///
/// Returns the time in nanoseconds, or -1 with a reason in `error` (256 bytes).
int64_t bare_elapsed(struct bare_client **clients, int client_count, const uint8_t *keys, int key_count,
                     int operations, char *error);

/// Live bytes of the C heap, which is Swift's too.
uint64_t bare_live_bytes(void);

#endif
