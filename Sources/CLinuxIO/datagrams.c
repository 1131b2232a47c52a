#define _GNU_SOURCE
#include "CLinuxIO.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// Room for one packet-info message of either family, aligned as the kernel wants it.
typedef union control_buffer {
    struct cmsghdr align;
    uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
} control_buffer;

// --- Addresses -------------------------------------------------------------------------------------------------------

static uint64_t load64(const uint8_t *bytes) {
    uint64_t value = 0;
    for (int index = 0; index < 8; index++) { value = value << 8 | bytes[index]; }
    return value;
}

static void store64(uint8_t *bytes, uint64_t value) {
    for (int index = 7; index >= 0; index--) {
        bytes[index] = (uint8_t)value;
        value >>= 8;
    }
}

static void from_in6(clinuxio_address *address, const struct in6_addr *source) {
    address->family = 6;
    address->high = load64(source->s6_addr);
    address->low = load64(source->s6_addr + 8);
}

static void from_in4(clinuxio_address *address, struct in_addr source) {
    address->family = 4;
    address->high = 0;
    address->low = ntohl(source.s_addr);
}

static void to_in6(struct in6_addr *target, const clinuxio_address *address) {
    store64(target->s6_addr, address->high);
    store64(target->s6_addr + 8, address->low);
}

static void from_sockaddr(clinuxio_address *address, const struct sockaddr_storage *storage) {
    memset(address, 0, sizeof *address);
    if (storage->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)storage;
        from_in4(address, v4->sin_addr);
        address->port = ntohs(v4->sin_port);
    } else if (storage->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)storage;
        from_in6(address, &v6->sin6_addr);
        address->port = ntohs(v6->sin6_port);
        address->scope = v6->sin6_scope_id;
    }
}

static socklen_t to_sockaddr(struct sockaddr_storage *storage, const clinuxio_address *address) {
    if (address->family == 4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
        memset(v4, 0, sizeof *v4);
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address->port);
        v4->sin_addr.s_addr = htonl((uint32_t)address->low);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;
    memset(v6, 0, sizeof *v6);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address->port);
    v6->sin6_scope_id = address->scope;
    to_in6(&v6->sin6_addr, address);
    return sizeof *v6;
}

// --- Batches ---------------------------------------------------------------------------------------------------------

clinuxio_batch *clinuxio_batch_create(unsigned int capacity, size_t slot_bytes) {
    if (capacity < 1 || capacity > 1024 || slot_bytes < 1 || slot_bytes > 65535) { return NULL; }
    clinuxio_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL) { return NULL; }
    batch->capacity = capacity;
    batch->slot_bytes = slot_bytes;
    batch->slab = calloc(capacity, slot_bytes);
    batch->datagrams = calloc(capacity, sizeof(clinuxio_datagram));
    batch->messages = calloc(capacity, sizeof(struct mmsghdr));
    batch->vectors = calloc(capacity, sizeof(struct iovec));
    batch->names = calloc(capacity, sizeof(struct sockaddr_storage));
    batch->controls = calloc(capacity, sizeof(control_buffer));
    if (batch->slab == NULL || batch->datagrams == NULL || batch->messages == NULL || batch->vectors == NULL
        || batch->names == NULL || batch->controls == NULL) {
        clinuxio_batch_free(batch);
        return NULL;
    }
    for (unsigned int index = 0; index < capacity; index++) {
        struct mmsghdr *message = (struct mmsghdr *)batch->messages + index;
        struct iovec *vector = (struct iovec *)batch->vectors + index;
        vector->iov_base = batch->slab + index * slot_bytes;
        message->msg_hdr.msg_iov = vector;
        message->msg_hdr.msg_iovlen = 1;
        message->msg_hdr.msg_name = (struct sockaddr_storage *)batch->names + index;
    }
    return batch;
}

void clinuxio_batch_free(clinuxio_batch *batch) {
    if (batch == NULL) { return; }
    free(batch->slab);
    free(batch->datagrams);
    free(batch->messages);
    free(batch->vectors);
    free(batch->names);
    free(batch->controls);
    free(batch);
}

static void read_control(clinuxio_datagram *datagram, struct msghdr *header) {
    memset(&datagram->local, 0, sizeof datagram->local);
    datagram->interface = 0;
    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item != NULL; item = CMSG_NXTHDR(header, item)) {
        if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(item), sizeof info);
            from_in4(&datagram->local, info.ipi_spec_dst);
            datagram->interface = (uint32_t)info.ipi_ifindex;
        } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(item), sizeof info);
            from_in6(&datagram->local, &info.ipi6_addr);
            datagram->interface = info.ipi6_ifindex;
        }
    }
}

int clinuxio_batch_receive(clinuxio_batch *batch, int fd) {
    struct mmsghdr *messages = batch->messages;
    control_buffer *controls = batch->controls;
    for (unsigned int index = 0; index < batch->capacity; index++) {
        messages[index].msg_hdr.msg_iov->iov_len = batch->slot_bytes;
        messages[index].msg_hdr.msg_namelen = sizeof(struct sockaddr_storage);
        messages[index].msg_hdr.msg_control = &controls[index];
        messages[index].msg_hdr.msg_controllen = sizeof(control_buffer);
        messages[index].msg_hdr.msg_flags = 0;
    }
    int count = recvmmsg(fd, messages, batch->capacity, MSG_DONTWAIT, NULL);
    if (count < 0) { return -errno; }
    for (int index = 0; index < count; index++) {
        clinuxio_datagram *datagram = &batch->datagrams[index];
        from_sockaddr(&datagram->remote, messages[index].msg_hdr.msg_name);
        read_control(datagram, &messages[index].msg_hdr);
        datagram->length = messages[index].msg_len;
        datagram->truncated = (messages[index].msg_hdr.msg_flags & MSG_TRUNC) != 0;
    }
    return count;
}

/// Writes the source address of a datagram. The interface is given only where the address means nothing without it.
static size_t write_control(control_buffer *control, const clinuxio_datagram *datagram) {
    struct cmsghdr *item = &control->align;
    if (datagram->local.family == 4) {
        struct in_pktinfo info = {0};
        info.ipi_spec_dst.s_addr = htonl((uint32_t)datagram->local.low);
        item->cmsg_level = IPPROTO_IP;
        item->cmsg_type = IP_PKTINFO;
        item->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(item), &info, sizeof info);
        return CMSG_SPACE(sizeof info);
    }
    if (datagram->local.family == 6) {
        struct in6_pktinfo info = {0};
        to_in6(&info.ipi6_addr, &datagram->local);
        if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) { info.ipi6_ifindex = datagram->interface; }
        item->cmsg_level = IPPROTO_IPV6;
        item->cmsg_type = IPV6_PKTINFO;
        item->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(item), &info, sizeof info);
        return CMSG_SPACE(sizeof info);
    }
    return 0;
}

int clinuxio_batch_send(clinuxio_batch *batch, int fd, unsigned int first, unsigned int end) {
    if (first >= end || end > batch->capacity) { return -EINVAL; }
    struct mmsghdr *messages = batch->messages;
    control_buffer *controls = batch->controls;
    for (unsigned int index = first; index < end; index++) {
        const clinuxio_datagram *datagram = &batch->datagrams[index];
        if (datagram->length > batch->slot_bytes || datagram->remote.family == 0) { return -EINVAL; }
        struct msghdr *header = &messages[index].msg_hdr;
        header->msg_iov->iov_len = datagram->length;
        header->msg_namelen = to_sockaddr(header->msg_name, &datagram->remote);
        header->msg_controllen = write_control(&controls[index], datagram);
        header->msg_control = header->msg_controllen > 0 ? &controls[index] : NULL;
        header->msg_flags = 0;
    }
    int sent = sendmmsg(fd, messages + first, end - first, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

// --- Sockets ---------------------------------------------------------------------------------------------------------

static int set_flag(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value);
}

/// Beyond the administrator's limit where we may, up to it otherwise: too small a buffer drops packets, no more.
static void set_buffer(int fd, int forced, int plain, int bytes) {
    if (set_flag(fd, SOL_SOCKET, forced, bytes) != 0) { (void)set_flag(fd, SOL_SOCKET, plain, bytes); }
}

static int prepare_udp(int fd, const clinuxio_address *address, int reuse_port, int buffer_bytes) {
    int v6 = address->family == 6;
    if (v6 && set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0) { return -errno; }
    if (reuse_port && set_flag(fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0) { return -errno; }
    int told = v6 ? set_flag(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : set_flag(fd, IPPROTO_IP, IP_PKTINFO, 1);
    if (told != 0) { return -errno; }
    set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, buffer_bytes);
    set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, buffer_bytes);
    struct sockaddr_storage storage;
    socklen_t length = to_sockaddr(&storage, address);
    return bind(fd, (struct sockaddr *)&storage, length) != 0 ? -errno : 0;
}

int clinuxio_udp_open(const clinuxio_address *address, int reuse_port, int buffer_bytes) {
    if (address->family != 4 && address->family != 6) { return -EAFNOSUPPORT; }
    int fd = socket(address->family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) { return -errno; }
    int failure = prepare_udp(fd, address, reuse_port, buffer_bytes);
    if (failure < 0) {
        close(fd);
        return failure;
    }
    return fd;
}

int clinuxio_local_address(int fd, clinuxio_address *address) {
    struct sockaddr_storage storage = {0};
    socklen_t length = sizeof storage;
    if (getsockname(fd, (struct sockaddr *)&storage, &length) != 0) { return -errno; }
    from_sockaddr(address, &storage);
    return 0;
}

int clinuxio_buffer_bytes(int fd, int *receive, int *send) {
    socklen_t length = sizeof(int);
    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, receive, &length) != 0) { return -errno; }
    length = sizeof(int);
    return getsockopt(fd, SOL_SOCKET, SO_SNDBUF, send, &length) != 0 ? -errno : 0;
}
