// Linux interfaces that Swift cannot reach through Glibc alone.
#ifndef CLINUXIO_H
#define CLINUXIO_H

#endif
