/* What the parts of DcState share: the struct and small helpers. Not for other modules. */
#pragma once

#include "dropcorr/model/state.h"

typedef struct DcCounterTable DcCounterTable;
typedef struct DcSocketTable DcSocketTable;

typedef struct {
  char *name;
  bool seen;
  bool sampled; /* through begin and end: last_ns and whole are valid */
  bool whole;
  int64_t last_ns;
} DcStateObject;

struct DcState {
  DcCounterTable *counters;
  /* Apart, and changed through const getters: they drop what a newer list no longer holds. */
  DcSocketTable *sockets;

  GHashTable *objects;    /* name -> DcStateObject */
  DcStateObject *current; /* between begin and end, else NULL */
  int64_t current_ns;     /* place of its sample on the counters' timeline */
  bool current_zero;      /* new counters were 0 in the object's last sample */
  bool current_before;    /* its sample was taken before the run */

  GArray *handlers; /* DcProtocolHandler with an ethertype */
  GArray *taps;     /* DcProtocolHandler of ALL rows */
  bool has_handlers;

  GHashTable *sysctls;   /* name -> value */
  GHashTable *addresses; /* DcStateAddress -> itself */
  GHashTable *broadcasts;
  GHashTable *macs;         /* 48 bits as a pointer-sized key */
  GHashTable *devices;      /* ifindex -> name */
  GHashTable *bridge_ports; /* ifindex */
  GHashTable *texts;        /* name -> text */
  uint64_t text_version;
  size_t texts_total; /* bytes of them */
  GPtrArray *kernel_lines;
  GByteArray *kernel_lines_old; /* one per line: 1 from before the run */
  char *kernel_release;
  uint32_t kernel_version;

  uint64_t refused;
};

/* Where a sample stands on the timeline. Files without time: BEFORE precedes and AFTER follows everything. */
#define DC_PLACE_BEFORE INT64_MIN
#define DC_PLACE_AFTER INT64_MAX

/* False for a single untimed sample, which has no place in a row. */
static inline bool dc_state_place(int64_t time_ns, DcPhase phase, int64_t *ret_place)
{
  if (time_ns != DC_TIME_NONE) {
    /* the two ends are taken */
    *ret_place = time_ns == DC_PLACE_AFTER ? time_ns - 1 : time_ns;
    return true;
  }
  switch (phase) {
  case DC_PHASE_BEFORE:
    *ret_place = DC_PLACE_BEFORE;
    return true;
  case DC_PHASE_AFTER:
    *ret_place = DC_PLACE_AFTER;
    return true;
  case DC_PHASE_TICK:
  case DC_PHASE_ONCE:
    break;
  }
  return false;
}

static inline bool dc_state_name_fits(const char *name)
{
  return strnlen(name, DC_STATE_NAME_MAX) < DC_STATE_NAME_MAX;
}

/* Text from outside is printed one day: control characters become '?'. Cuts to size - 1 bytes. */
void dc_state_copy_text(char *to, size_t size, const char *from);

/* Keyed hash of a string, for tables whose keys come from files. */
guint dc_state_name_hash(gconstpointer name);

DcStateObject *dc_state_object(DcState *state, const char *name); /* NULL: refused */

DcCounterTable *dc_counter_table_new(void);
void dc_counter_table_free(DcCounterTable *table);

DcSocketTable *dc_socket_table_new(void);
void dc_socket_table_free(DcSocketTable *table);
