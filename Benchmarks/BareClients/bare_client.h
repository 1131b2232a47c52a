// What the clients of all databases share.
#ifndef BARE_CLIENT_H
#define BARE_CLIENT_H

#include "include/bare_clients.h"

/// Where the bytes of a value lie: in the statement, or in the client's own memory for keys.
const void *bare_bytes(struct bare_client *client, const struct bare_value *value, const uint8_t key[16]);

/// How many there are.
size_t bare_length(const struct bare_value *value);

/// Keeps a reason of at most 255 bytes.
void bare_fail(char *error, const char *reason);

#endif
