#define _GNU_SOURCE
#include "CLinuxIO.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int clinuxio_tun_open(char *name, int multi_queue, int exclusive) {
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) { return errno == ENOENT || errno == ENODEV || errno == ENXIO ? -ENOTSUP : -errno; }
    struct ifreq request = {0};
    int flags = IFF_TUN | IFF_NO_PI | (multi_queue ? IFF_MULTI_QUEUE : 0) | (exclusive ? IFF_TUN_EXCL : 0);
    request.ifr_flags = (short)flags;
    memcpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (ioctl(fd, TUNSETIFF, &request) != 0) {
        int failure = -errno;
        close(fd);
        return failure;
    }
    memcpy(name, request.ifr_name, IFNAMSIZ);
    name[IFNAMSIZ - 1] = 0;
    return fd;
}

int clinuxio_netlink_open(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) { return -errno; }
    // The kernel answers while we send; the limit is for the case that it does not.
    struct timeval limit = {5, 0};
    struct sockaddr_nl address = {0};
    address.nl_family = AF_NETLINK;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0
        || bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int failure = -errno;
        close(fd);
        return failure;
    }
    return fd;
}

// A file in memory with these bytes, read from its start.
static int memory_file(const char *name, const void *bytes, size_t length) {
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0) { return -errno; }
    const char *position = bytes;
    while (length > 0) {
        ssize_t written = write(fd, position, length);
        if (written < 0 && errno == EINTR) { continue; }
        if (written <= 0) {
            int failure = written < 0 ? -errno : -EIO;
            close(fd);
            return failure;
        }
        position += written;
        length -= (size_t)written;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static int spawn_with(const char *path, const char *const *arguments, int input, int error, pid_t *child) {
    static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0) { return -ENOMEM; }
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return -ENOMEM;
    }
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_adddup2(&actions, input, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, error, 2);
    int failure = posix_spawn(child, path, &actions, &attributes, (char *const *)arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -failure;
}

static void read_back(int fd, char *text, size_t capacity) {
    if (capacity == 0) { return; }
    ssize_t length = pread(fd, text, capacity - 1, 0);
    text[length > 0 ? length : 0] = 0;
}

int clinuxio_run(const char *path, const char *const *arguments, const void *input, size_t input_length, char *error,
                 size_t error_capacity) {
    int input_fd = memory_file("input", input, input_length);
    if (input_fd < 0) { return input_fd; }
    int error_fd = memory_file("error", "", 0);
    if (error_fd < 0) {
        close(input_fd);
        return error_fd;
    }
    pid_t child = 0;
    int result = spawn_with(path, arguments, input_fd, error_fd, &child);
    if (result == 0) {
        int status = 0;
        pid_t ended;
        do { ended = waitpid(child, &status, 0); } while (ended < 0 && errno == EINTR);
        result = ended < 0 ? -errno : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        read_back(error_fd, error, error_capacity);
    }
    close(input_fd);
    close(error_fd);
    return result;
}
