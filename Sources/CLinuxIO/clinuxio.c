#define _GNU_SOURCE
#include "CLinuxIO.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static int checked(int result) {
    return result < 0 ? -errno : result;
}

int clinuxio_set_dumpable(int value) {
    return checked(prctl(PR_SET_DUMPABLE, value, 0, 0, 0));
}

int clinuxio_name_thread(const char *name) {
    return -pthread_setname_np(pthread_self(), name);
}

int clinuxio_pin_thread(int processor) {
    if (processor < 0 || processor >= CPU_SETSIZE) { return -EINVAL; }
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return -pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int clinuxio_pinned_processor(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (pthread_getaffinity_np(pthread_self(), sizeof set, &set) != 0 || CPU_COUNT(&set) != 1) { return -1; }
    for (int processor = 0; processor < CPU_SETSIZE; processor++) {
        if (CPU_ISSET(processor, &set)) { return processor; }
    }
    return -1;
}

uint64_t clinuxio_boottime_ns(void) {
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int clinuxio_new_network(void) {
    int before = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (before < 0) { return -errno; }
    if (unshare(CLONE_NEWNET) != 0) {
        int failure = -errno;
        close(before);
        return failure;
    }
    return before;
}

int clinuxio_enter_network(int fd) {
    int result = checked(setns(fd, CLONE_NEWNET));
    close(fd);
    return result;
}

const char *clinuxio_error_text(int number) {
    return strerrordesc_np(number);
}

int clinuxio_epoll_create(void) {
    return checked(epoll_create1(EPOLL_CLOEXEC));
}

int clinuxio_wake_create(void) {
    return checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

int clinuxio_wake_signal(int fd) {
    return checked(eventfd_write(fd, 1));
}

int clinuxio_wake_clear(int fd) {
    eventfd_t count = 0;
    return checked(eventfd_read(fd, &count));
}

int clinuxio_epoll_control(int epoll, int fd, int change, int readable, int writable, uint64_t token) {
    static const int operations[3] = {EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL};
    if (change < 0 || change > 2) { return -EINVAL; }
    struct epoll_event event = {0};
    event.events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
    event.data.u64 = token;
    return checked(epoll_ctl(epoll, operations[change], fd, &event));
}

enum { most_events = 64 };

int clinuxio_epoll_wait(int epoll, clinuxio_event *events, int count, int64_t timeout_ns) {
    struct epoll_event ready[most_events];
    if (count < 1) { return -EINVAL; }
    if (count > most_events) { count = most_events; }
    struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    int found = epoll_pwait2(epoll, ready, count, timeout_ns < 0 ? NULL : &timeout, NULL);
    if (found < 0 && errno == ENOSYS) {
        // Kernels before 5.11 wait in milliseconds; round up, so that a deadline is never polled for in a loop.
        int64_t ms = timeout_ns / 1000000 + (timeout_ns % 1000000 > 0);
        found = epoll_wait(epoll, ready, count, timeout_ns < 0 ? -1 : ms > 3600000 ? 3600000 : (int)ms);
    }
    if (found < 0) { return errno == EINTR ? 0 : -errno; }
    for (int index = 0; index < found; index++) {
        events[index].token = ready[index].data.u64;
        events[index].readable = (ready[index].events & EPOLLIN) != 0;
        events[index].writable = (ready[index].events & EPOLLOUT) != 0;
        events[index].failed = (ready[index].events & (EPOLLERR | EPOLLHUP)) != 0;
    }
    return found;
}
