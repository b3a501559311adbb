/*
 * The command line as a plain value. tcpdump's letters keep tcpdump's meaning; what is
 * dropcorr's own is a long option. The parser is driven by the option table
 * (dropcorr/cli/option_table.h): an option exists when it has a row there.
 *
 * Parsing uses getopt_long(3), whose state is global: main thread only. Nothing is opened or
 * changed, except that the filter file of -F is read.
 */
#pragma once

#include "dropcorr/diagnose/catalogue.h"
#include "dropcorr/model/cause.h"
#include "dropcorr/model/packet.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  DC_ACTION_RUN,             /* capture or read, and report */
  DC_ACTION_HELP,            /* --help */
  DC_ACTION_VERSION,         /* --version */
  DC_ACTION_LIST_INTERFACES, /* -D */
  DC_ACTION_LIST_CAUSES,     /* --list-causes */
  DC_ACTION_EXPLAIN,         /* --explain: explain_cause */
  DC_ACTION_HELP_MAN,        /* hidden: OPTIONS section of the manual page */
  DC_ACTION_HELP_COMPLETION  /* hidden: bash completion */
} DcRunAction;

typedef enum {
  DC_DROP_SOURCE_AUTO,
  DC_DROP_SOURCE_PACKET,     /* NET_DM packet alerts */
  DC_DROP_SOURCE_SUMMARY,    /* NET_DM summary alerts */
  DC_DROP_SOURCE_TRACEPOINT, /* skb:kfree_skb */
  DC_DROP_SOURCE_NONE,
  DC_DROP_SOURCE_COUNT
} DcDropSource;

typedef enum { DC_COLOUR_AUTO, DC_COLOUR_ALWAYS, DC_COLOUR_NEVER, DC_COLOUR_COUNT } DcColour;

typedef enum { DC_CAPTURE_INOUT, DC_CAPTURE_IN, DC_CAPTURE_OUT, DC_CAPTURE_DIRECTION_COUNT } DcCaptureDirection;

/* An argument of --local. */
typedef struct {
  bool is_mac;
  DcAddr addr;    /* unless is_mac */
  uint8_t mac[6]; /* if is_mac */
} DcLocal;

#define DC_SNAPLEN_DEFAULT 256 /* every header that matching looks at, little payload */
#define DC_SNAPLEN_MAX 262144  /* tcpdump's; -s 0 */

/* Strings are owned by the struct, NULL when the option was not given. */
typedef struct {
  DcRunAction action;
  DcCause explain_cause; /* DC_ACTION_EXPLAIN */

  /* Input */
  char *interface;   /* -i */
  char *read_file;   /* -r; "-": standard input */
  char **drops;      /* --drops, in order, NULL-terminated; "-" at most once, and not beside -r - */
  char *context_dir; /* --context */
  bool has_drops_offset, has_drops_start;
  int64_t drops_offset_ns; /* --drops-clock-offset: is added to the times of every --drops */
  int64_t drops_start_ns;  /* --drops-start: real time at which a log without times began */
  char *time_zone;         /* --tz */
  char *kallsyms;          /* --kallsyms */
  char *filter;            /* the words joined by blanks, or the text of -F's file; NULL: all packets */
  DcLocal *locals;         /* --local */
  size_t local_count;
  uint64_t count;      /* -c, 0 no limit */
  int64_t duration_ns; /* --duration, 0 no limit */

  /* Live capture */
  DcDropSource drop_source;     /* --drop-source */
  uint32_t snaplen;             /* -s, DC_SNAPLEN_DEFAULT */
  uint32_t buffer_kib;          /* -B, 0: the library's default */
  bool promiscuous;             /* --promiscuous; false by default and with -p, the later one wins */
  bool immediate;               /* --immediate-mode */
  DcCaptureDirection direction; /* -Q */
  char *timestamp_type;         /* -j */
  char *user;                   /* -Z */
  int64_t verify_unhandled_ns;  /* --verify-unhandled, 0 off */

  /* Evidence file */
  char *write_file;      /* -w; "-": standard output */
  bool packet_buffered;  /* -U */
  uint64_t rotate_bytes; /* -C, 0 off */
  int64_t rotate_ns;     /* -G, 0 off */
  uint32_t rotate_files; /* -W, 0 no limit */
  char *snapshot_dir;    /* --snapshot: no capture, no analysis */
  bool anonymize;        /* --anonymize */
  char *anonymize_map;   /* its mapping file; NULL: beside the bundle, or dropcorr.map */
  bool keep_payload;     /* --keep-payload: in annotated captures and bundles */
  char *bundle;          /* --bundle: a folder, or an archive by its extension */

  /* Analysis */
  int64_t window_before_ns; /* --window: -1 when not given */
  int64_t window_after_ns;  /* likewise */
  int64_t syn_timeout_ns;   /* --syn-timeout: 1 s */

  /* Output */
  unsigned no_names; /* number of -n: 0 service names, else port numbers (addresses are never resolved) */
  unsigned verbose;  /* number of -v */
  bool quiet;        /* -q */
  bool json;         /* --json */
  bool frames;       /* --frames */
  bool handshakes;   /* --handshakes */
  char **reports;    /* --report, in order, NULL-terminated; each has an extension */
  DcColour colour;   /* --color */

  /* Exit status */
  bool strict;        /* --strict */
  bool fail_on_given; /* --fail-on */
  DcSeverity fail_on; /* a finding of this severity or worse gives exit status 4 */
} DcOptions;

/* Fills ret_options from argv (argv may be reordered, as getopt does). Errors, untouched output:
 * USAGE for every option and argument that makes no sense; NOT_FOUND, PERMISSION, IO, LIMIT for the
 * file of -F. With an action other than RUN (the first one given) only syntax is checked, not sense. */
bool dc_options_parse(int argc, char **argv, DcOptions *ret_options, GError **error);

/* Frees what the options own, and zeroes them. */
void dc_options_clear(DcOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DcOptions, dc_options_clear)

/* True if this run captures: -i was given, or nothing at all names an input; and not --snapshot. */
bool dc_options_live(const DcOptions *options);

/* Extension of a --report argument, "html" of "out/x.html". Borrowed from path. */
const char *dc_options_report_extension(const char *path);

const char *dc_drop_source_name(DcDropSource source); /* as --drop-source takes it */
