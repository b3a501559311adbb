/*
 * Bounded single-producer single-consumer queue of variable-length records, one
 * per source thread. The producer never blocks: a record that does not fit is
 * counted, so that the consumer can say what was lost. pthread primitives only
 * (GLib's are opaque to ThreadSanitizer).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct DcQueue DcQueue;

/* capacity in bytes. wake_fd: an eventfd written when the queue becomes
 * non-empty, borrowed, or -1. */
DcQueue *dc_queue_new(size_t capacity, int wake_fd);

/* Before the first record. An empty ring is begun anew once it was used this far, at most a quarter of it: that is how
 * much of it stays resident when little comes at a time, and how much has room in the moment after. */
void dc_queue_restart_at(DcQueue *queue, size_t bytes);

/* Producer: copies head and body (body may be NULL) as one record. False when full: counted.
 * A record never wraps around: up to half of the capacity always fits into an empty queue. */
bool dc_queue_push(DcQueue *queue, const void *head, size_t head_len, const void *body, size_t body_len);

/* Consumer: the oldest record, valid until dc_queue_pop(); false when empty.
 * Its start is aligned to 16 bytes. */
bool dc_queue_peek(DcQueue *queue, const void **ret_record, size_t *ret_len);
void dc_queue_pop(DcQueue *queue);

/* Records refused since the last call. Consumer. */
uint64_t dc_queue_take_refused(DcQueue *queue);

void dc_queue_free(DcQueue *queue);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcQueue, dc_queue_free)
