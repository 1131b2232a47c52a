#include "bare_client.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

/// What one thread does.
struct work {
    struct bare_client *client;
    const uint8_t *keys;
    int key_count;
    int operations;
    pthread_barrier_t *barrier;
    pthread_t thread;
    int64_t begin;
    int64_t end;
    int result;
};

const void *bare_bytes(struct bare_client *client, const struct bare_value *value, const uint8_t key[16]) {
    if (value->kind == BARE_KEY) return key;
    return value->kind == BARE_UNIQUE ? client->unique : value->bytes;
}

size_t bare_length(const struct bare_value *value) {
    return value->kind == BARE_KEY || value->kind == BARE_UNIQUE ? 16 : value->length;
}

void bare_fail(char *error, const char *reason) { snprintf(error, 256, "%s", reason); }

void bare_close(struct bare_client *client) {
    if (client) client->close(client);
}

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int try_once(struct work *work, int number) {
    struct bare_client *client = work->client;
    const struct bare_script *script = client->script;
    if (script->begin && client->run_text(client, script->begin)) return -1;
    for (int i = 0; i < script->keys_per_operation; i++) {
        int index = (number * script->keys_per_operation + i) % work->key_count;
        if (client->run_statements(client, work->keys + (size_t)index * 16)) return -1;
    }
    return script->commit ? client->run_text(client, script->commit) : 0;
}

/// Waits before another try as the stores do: anything up to a bound that doubles from 4 ms to half a second.
static void pause_before_retry(int attempt) {
    int64_t bound = 4000000LL << (attempt < 7 ? attempt : 7);
    if (bound > 500000000) bound = 500000000;
    struct timespec time = {.tv_nsec = (long)((double)rand() / RAND_MAX * (double)(bound - 1))};
    nanosleep(&time, NULL);
}

/// One operation: a transaction, which servers may refuse with the advice to try again; or single statements.
static int operate(struct work *work, int number) {
    struct bare_client *client = work->client;
    for (int i = 0; i < 8; i++)
        if (++client->unique[i]) break;
    client->clock = microseconds();
    for (int attempt = 0; attempt < 30; attempt++) {
        if (try_once(work, number) == 0) return 0;
        if (!client->script->begin || client->run_text(client, "ROLLBACK")) return -1;
        pause_before_retry(attempt);
    }
    return -1;
}

static void *run(void *argument) {
    struct work *work = argument;
    pthread_barrier_wait(work->barrier);
    work->begin = nanoseconds();
    for (int i = 0; i < work->operations && work->result == 0; i++) work->result = operate(work, i);
    work->end = nanoseconds();
    return NULL;
}

int64_t bare_elapsed(struct bare_client **clients, int client_count, const uint8_t *keys, int key_count,
                     int operations, char *error) {
    pthread_barrier_t barrier;
    struct work *works = calloc((size_t)client_count, sizeof *works);
    int share = key_count / client_count;
    if (!works || share < 1 || pthread_barrier_init(&barrier, NULL, (unsigned)client_count + 1)) {
        free(works);
        bare_fail(error, "no memory, or fewer keys than clients");
        return -1;
    }
    for (int i = 0; i < client_count; i++) {
        works[i] = (struct work){.client = clients[i], .keys = keys + (size_t)(i * share) * 16, .key_count = share,
                                 .operations = operations, .barrier = &barrier};
        if (getrandom(clients[i]->unique, 16, 0) != 16 || pthread_create(&works[i].thread, NULL, run, &works[i])) {
            // Threads that wait at the barrier cannot be told to go home.
            perror("error: cannot start a bare client");
            abort();
        }
    }
    pthread_barrier_wait(&barrier);
    int64_t begin = INT64_MAX, end = 0, failed = 0;
    for (int i = 0; i < client_count; i++) {
        pthread_join(works[i].thread, NULL);
        if (works[i].begin < begin) begin = works[i].begin;
        if (works[i].end > end) end = works[i].end;
        if (works[i].result == 0) continue;
        failed = 1;
        bare_fail(error, works[i].client->error);
    }
    pthread_barrier_destroy(&barrier);
    free(works);
    return failed ? -1 : end - begin;
}

uint64_t bare_live_bytes(void) {
    struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}
