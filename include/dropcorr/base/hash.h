/*
 * Keyed 64-bit hash for tables whose keys come from the network: without the key nobody can
 * make them collide. Up to 256 bytes UMAC's NH, above that SipHash-1-3.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Chooses the process-wide key once from getrandom(2); later calls do nothing.
 * Results of analysis never depend on the key. Call before any other thread starts. */
void dc_hash_init(void);

uint64_t dc_hash_bytes(const void *data, size_t len);
/* The same of data that is readable up to the next multiple of 16 bytes: without a copy of its end. */
uint64_t dc_hash_padded(const void *data, size_t len);
/* Of a string, as a GHashFunc. Such a table's order differs from run to run. */
unsigned dc_hash_text(const void *text);

/* A cheap keyed mix of two words, for small fixed keys already reduced to words. */
uint64_t dc_hash_words(uint64_t a, uint64_t b);

/* An address and a port: an end of a flow. */
uint64_t dc_hash_endpoint(const uint8_t address[16], uint16_t port);
