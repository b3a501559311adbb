/*
 * Stop flag shared by all threads: set once by the main thread, polled or waited
 * for by the others. Wraps an eventfd, so it can stand in a poll set.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct DcStop DcStop;

DcStop *dc_stop_new(GError **error);
void dc_stop_request(DcStop *stop);         /* any thread, any number of times */
bool dc_stop_requested(const DcStop *stop); /* any thread */
int64_t dc_stop_time(const DcStop *stop);   /* any thread: CLOCK_REALTIME of the first request; INT64_MAX before it */
int dc_stop_fd(const DcStop *stop);         /* readable once requested; borrowed */
void dc_stop_free(DcStop *stop);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcStop, dc_stop_free)
