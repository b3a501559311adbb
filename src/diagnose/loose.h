/*
 * Drops that fit no frame, by the service they were sent to: where frames of that service stay unexplained at the same
 * time, they may be theirs. Nothing tells; both readings are shown, and no frame is accused.
 */
#pragma once

#include "group.h"

#define DC_LOOSE_MAX 1024u

typedef struct {
  uint8_t protocol;   /* 0: the drop tells no service */
  uint8_t ip_version; /* 0 unknown */
  uint16_t port;
  DcCause cause;
  const char *location, *reason; /* interned; may be NULL */
  uint64_t drops;
  int64_t first_ns, last_ns; /* DC_TIME_NONE: not known */
  uint64_t example;          /* drop number */
} DcLoose;

typedef struct DcLooseDrops DcLooseDrops;

DcLooseDrops *dc_loose_new(void);
void dc_loose_free(DcLooseDrops *drops);
void dc_loose_add(DcLooseDrops *drops, const DcDropVerdict *verdict);

/* Those that may be frames of this group, the most first: fills up to max, returns how many. Only drops of the service
 * itself, or, where there are none, drops that tell no service and whose cause could be this one's. */
size_t dc_loose_of_group(const DcLooseDrops *drops, const DcGroup *group, DcLoose *ret_loose, size_t max);
