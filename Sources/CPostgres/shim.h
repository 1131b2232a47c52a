// libpq has no variadic functions: its header is enough. The include path comes from pkg-config.
#ifndef CPOSTGRES_SHIM_H
#define CPOSTGRES_SHIM_H

#include <libpq-fe.h>

/// A notice processor that says nothing; libpq's own writes to standard error.
static inline void cpostgres_ignore_notice(void *context, const char *message) {
    (void)context;
    (void)message;
}

/// Has a connection keep what a server remarks to itself.
static inline void cpostgres_silence(PGconn *connection) {
    PQsetNoticeProcessor(connection, cpostgres_ignore_notice, (void *)0);
}

#endif
