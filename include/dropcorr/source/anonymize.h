/*
 * Evidence without the names of its people and machines: addresses, MAC addresses, host and process names are replaced,
 * the same one by the same everywhere, while everything the analysis looks at stays. Events are anonymised before they
 * are analysed or written, so that nothing that comes of them knows the originals.
 *
 * IP addresses: Crypto-PAn (Xu, Fan, Ammar, Moon 2002): two addresses share as many leading bits afterwards as before.
 * Addresses that mean something to the kernel (loopback, multicast, link-local, a local network's broadcast address
 * ...) stay of their kind. MAC addresses: another one of the same kind (group or not), locally administered. Names:
 * "host-3f2a9c01". Packets: addresses in all headers, options, quotes and inner packets; payload is cut off; checksums
 * are made anew, right ones right and wrong ones wrong. Bytes of protocols nobody knows are scrambled, equal ones
 * equally.
 *
 * All of it follows from a secret key, kept with the list of what became what in the mapping file: given again, the
 * same becomes the same. One owner thread.
 */
#pragma once

#include "dropcorr/model/event.h"
#include "dropcorr/source/source.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct DcAnonymizer DcAnonymizer;

/* Makes the mapping file, readable by its owner alone, or takes the key of one that is there. owner, group: who shall
 * own it, -1: leave. Errors: NOT_FOUND, PERMISSION, IO, FORMAT (is there and is no mapping file). */
DcAnonymizer *dc_anonymizer_open(const char *path, uid_t owner, gid_t group, GError **error);

/* What must be known before anything is mapped: host names and local networks. Of a sample; and of this host. */
void dc_anonymizer_learn(DcAnonymizer *anonymizer, const DcSample *sample);
void dc_anonymizer_learn_host(DcAnonymizer *anonymizer);

DcAddr dc_anonymizer_addr(DcAnonymizer *anonymizer, const DcAddr *addr);
void dc_anonymizer_mac(DcAnonymizer *anonymizer, const uint8_t mac[6], uint8_t ret_mac[6]);

/* Appends text with every address and known name in it replaced. */
void dc_anonymizer_text(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len);

/* A filter expression; and a command line, of which only the program's name stays. NULL gives NULL; caller frees. */
char *dc_anonymizer_filter(DcAnonymizer *anonymizer, const char *filter);
char *dc_anonymizer_command(DcAnonymizer *anonymizer, const char *command);

/* In place; bytes and text then belong to the anonymizer, until its next event of that kind. */
void dc_anonymizer_event(DcAnonymizer *anonymizer, DcEvent *event);

/* A source whose events are anonymised. source is borrowed and must outlive it. */
DcSource *dc_anonymized_new(DcSource *source, DcAnonymizer *anonymizer);

/* Writes what became what into the mapping file. Once, at the end. */
bool dc_anonymizer_finish(DcAnonymizer *anonymizer, GError **error);

void dc_anonymizer_free(DcAnonymizer *anonymizer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcAnonymizer, dc_anonymizer_free)
