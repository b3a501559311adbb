/*
 * Which frames are this host's own, which are for it. Known from --local, addresses in
 * the context, SLL packet types and pcapng direction flags; else inferred from the first
 * frames and drops, and marked so.
 */
#pragma once

#include "dropcorr/model/event.h"

#include <glib.h>
#include <stdbool.h>

typedef struct DcDirections DcDirections;

DcDirections *dc_directions_new(void);
void dc_directions_free(DcDirections *directions);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcDirections, dc_directions_free)

void dc_directions_add_address(DcDirections *directions, const DcAddr *addr);
void dc_directions_add_mac(DcDirections *directions, const uint8_t mac[6]);
bool dc_directions_known(const DcDirections *directions); /* any address or MAC was added or inferred */

/* Evidence for inference: SYN-ACK, ARP reply, ND advertisement, echo reply and RST senders, ICMP
 * errors, MAC address usage (which MAC is in every unicast frame; how many IP sources stand behind
 * it), checksum offload on sending, TTL of whole powers, and the destination MAC and address
 * of drops' own bytes (a drop is ingress far more often than not). Bounded memory. */
void dc_directions_learn_frame(DcDirections *directions, const DcFrame *frame);
void dc_directions_learn_drop(DcDirections *directions, const DcDrop *drop);
void dc_directions_infer(DcDirections *directions); /* decides from what was learnt; may find nothing */

/* The frame's own hint (frame->direction, SLL type) first, then MACs, then addresses. Multicast and
 * broadcast from elsewhere is IN. OTHER_HOST: unicast MAC that is not local although local MACs are known. */
DcDirection dc_directions_of(const DcDirections *directions, const DcFrame *frame);

/* Both ends are this host: a loopback device's frame. */
bool dc_directions_is_loopback(const DcFrame *frame);

bool dc_directions_is_local_mac(const DcDirections *directions, const uint8_t mac[6]);
bool dc_directions_is_local_address(const DcDirections *directions, const DcAddr *addr);

/* One line for the report: how direction is known. Borrowed. */
const char *dc_directions_text(const DcDirections *directions);
bool dc_directions_inferred(const DcDirections *directions);
