// Linux interfaces that Swift cannot reach through Glibc alone: variadic calls, macros, batched datagrams.
#ifndef CLINUXIO_H
#define CLINUXIO_H

/// prctl(PR_SET_DUMPABLE, value): 0 on success, -1 with errno otherwise.
int clinuxio_set_dumpable(int value);

#endif
