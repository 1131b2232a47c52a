#define _GNU_SOURCE
#include "CLinuxIO.h"

#include <sys/prctl.h>

int clinuxio_set_dumpable(int value) {
    return prctl(PR_SET_DUMPABLE, value, 0, 0, 0);
}
