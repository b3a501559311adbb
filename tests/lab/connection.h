/*
 * connection: where a TCP connection of this process stands, in the numbers its next
 * segment would carry.  With them the lab sends raw segments that belong to it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  uint32_t snd_una; /* first sequence number the peer has not acknowledged */
  uint32_t rcv_nxt; /* what the next segment would acknowledge */
  uint32_t tsval;   /* its timestamp, 0 where the connection has none */
} ConnectionNumbers;

/* Needs CAP_NET_ADMIN; false with errno otherwise.  Sends nothing. */
bool connection_numbers(int fd, ConnectionNumbers *ret_numbers);
