// Linux interfaces that Swift cannot reach through Glibc alone: variadic calls, macros, batched datagrams.
//
// Unless a comment says otherwise, functions return a number >= 0 on success and -errno on failure.
#ifndef CLINUXIO_H
#define CLINUXIO_H

#include <stddef.h>
#include <stdint.h>

// --- Process and threads ---------------------------------------------------------------------------------------------

/// prctl(PR_SET_DUMPABLE, value).
int clinuxio_set_dumpable(int value);

/// Names the calling thread, at most 15 bytes.
int clinuxio_name_thread(const char *name);

/// Binds the calling thread to one processor.
int clinuxio_pin_thread(int processor);

/// Number of the processor that the calling thread is bound to; -1 if it may run on several.
int clinuxio_pinned_processor(void);

/// Nanoseconds since the machine booted, time asleep included (CLOCK_BOOTTIME).
uint64_t clinuxio_boottime_ns(void);

/// Puts the calling thread into a new, empty network namespace. Returns a descriptor of the one it left, for
/// clinuxio_enter_network.
int clinuxio_new_network(void);

/// Puts the calling thread into the network namespace of a descriptor, and closes the descriptor.
int clinuxio_enter_network(int fd);

/// The text of an error number, never translated; NULL for an unknown one.
const char *clinuxio_error_text(int number);

// --- Readiness -------------------------------------------------------------------------------------------------------

typedef struct clinuxio_event {
    uint64_t token;
    uint8_t readable;
    uint8_t writable;
    uint8_t failed;
} clinuxio_event;

/// A new epoll descriptor.
int clinuxio_epoll_create(void);

/// A new descriptor for waking up whoever waits for it to become readable.
int clinuxio_wake_create(void);

/// Makes a wake-up descriptor readable.
int clinuxio_wake_signal(int fd);

/// Makes a wake-up descriptor unreadable.
int clinuxio_wake_clear(int fd);

/// Adds, changes (`change` 1) or removes (`change` 2) a descriptor.
int clinuxio_epoll_control(int epoll, int fd, int change, int readable, int writable, uint64_t token);

/// Waits up to `timeout_ns` nanoseconds (negative: for ever) for at most `count` <= 64 events. Interrupted: 0.
int clinuxio_epoll_wait(int epoll, clinuxio_event *events, int count, int64_t timeout_ns);

// --- Datagrams -------------------------------------------------------------------------------------------------------

/// An IP address and port. `family` is 4, 6 or 0 for none. IPv4 is in the low 32 bits of `low`, numbers in host order.
typedef struct clinuxio_address {
    uint64_t high;
    uint64_t low;
    uint32_t scope;
    uint16_t port;
    uint8_t family;
} clinuxio_address;

/// One datagram of a batch. `local` is where it was sent to, or is to be sent from; its port is not used.
typedef struct clinuxio_datagram {
    clinuxio_address remote;
    clinuxio_address local;
    size_t length;
    uint32_t interface;
    uint8_t truncated;
} clinuxio_datagram;

/// Room for `capacity` datagrams of `slot_bytes` each, with everything that the system calls need. Not thread safe.
typedef struct clinuxio_batch {
    unsigned int capacity;
    size_t slot_bytes;
    uint8_t *slab;
    clinuxio_datagram *datagrams;
    void *messages;
    void *vectors;
    void *names;
    void *controls;
} clinuxio_batch;

/// NULL when memory runs out or a parameter is out of range (1...1024 datagrams, 1...65535 bytes).
clinuxio_batch *clinuxio_batch_create(unsigned int capacity, size_t slot_bytes);
void clinuxio_batch_free(clinuxio_batch *batch);

/// Receives what is there, without waiting. Returns the number of datagrams.
int clinuxio_batch_receive(clinuxio_batch *batch, int fd);

/// Sends the datagrams `first` ..< `end`. Returns how many went out, or the error of the first one.
int clinuxio_batch_send(clinuxio_batch *batch, int fd, unsigned int first, unsigned int end);

/// A bound, non-blocking UDP socket that tells the local address of each datagram.
int clinuxio_udp_open(const clinuxio_address *address, int reuse_port, int buffer_bytes);

/// The address that a socket is bound to.
int clinuxio_local_address(int fd, clinuxio_address *address);

/// Size of the receive and of the send buffer that the kernel granted, in bytes as it counts them.
int clinuxio_buffer_bytes(int fd, int *receive, int *send);

// --- Tunnel interface, netlink, programs -----------------------------------------------------------------------------

/// A queue of a tun interface, non-blocking, bare IP packets. `name` has 16 bytes: in the wish, out what the interface is
/// called. `exclusive` refuses an interface that exists; a further queue of an own interface is opened without.
/// Returns the descriptor. -ENOTSUP where /dev/net/tun is missing.
int clinuxio_tun_open(char *name, int multi_queue, int exclusive);

/// A socket to the kernel's routing netlink.
int clinuxio_netlink_open(void);

/// Runs a program without a shell and waits for its end: `input` on its standard input, output thrown away, up to
/// `error_capacity` - 1 bytes of its standard error in `error`, which is terminated. Returns the exit status, or 128 plus
/// the number of the signal that ended it.
int clinuxio_run(const char *path, const char *const *arguments, const void *input, size_t input_length, char *error,
                 size_t error_capacity);

#endif
