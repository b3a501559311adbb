/*
 * The one list of options: the parser, --help, the manual page's OPTIONS section and the
 * bash completion are all made from it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef enum {
  DC_GROUP_INPUT,
  DC_GROUP_CAPTURE,
  DC_GROUP_ANALYSIS,
  DC_GROUP_OUTPUT,
  DC_GROUP_EVIDENCE,
  DC_GROUP_STATUS,
  DC_GROUP_ABOUT,
  DC_GROUP_HIDDEN, /* used by the build: in no help, page or completion */
  DC_GROUP_COUNT
} DcOptionGroup;

/* What a shell offers as the argument. */
typedef enum {
  DC_COMPLETE_NONE, /* no argument, or a number */
  DC_COMPLETE_FILE,
  DC_COMPLETE_DIRECTORY,
  DC_COMPLETE_INTERFACE,
  DC_COMPLETE_USER,
  DC_COMPLETE_CAUSE,
  DC_COMPLETE_VALUES /* the row's values */
} DcComplete;

typedef enum {
  DC_OPTION_INTERFACE = 256, /* above every letter, as getopt_long returns them */
  DC_OPTION_READ,
  DC_OPTION_DROPS,
  DC_OPTION_DROPS_OFFSET,
  DC_OPTION_TIME_ZONE,
  DC_OPTION_DROPS_START,
  DC_OPTION_KALLSYMS,
  DC_OPTION_CONTEXT,
  DC_OPTION_LOCAL,
  DC_OPTION_FILTER_FILE,
  DC_OPTION_PACKETS,
  DC_OPTION_DURATION,
  DC_OPTION_LIST_INTERFACES,
  DC_OPTION_DROP_SOURCE,
  DC_OPTION_SNAPLEN,
  DC_OPTION_BUFFER,
  DC_OPTION_DIRECTION,
  DC_OPTION_TIMESTAMP_TYPE,
  DC_OPTION_IMMEDIATE,
  DC_OPTION_PROMISCUOUS,
  DC_OPTION_NO_PROMISCUOUS,
  DC_OPTION_USER,
  DC_OPTION_VERIFY_UNHANDLED,
  DC_OPTION_WINDOW,
  DC_OPTION_SYN_TIMEOUT,
  DC_OPTION_JSON,
  DC_OPTION_REPORT,
  DC_OPTION_FRAMES,
  DC_OPTION_HANDSHAKES,
  DC_OPTION_NO_NAMES,
  DC_OPTION_VERBOSE,
  DC_OPTION_QUIET,
  DC_OPTION_COLOUR,
  DC_OPTION_WRITE,
  DC_OPTION_PACKET_BUFFERED,
  DC_OPTION_ROTATE_SIZE,
  DC_OPTION_ROTATE_TIME,
  DC_OPTION_ROTATE_FILES,
  DC_OPTION_SNAPSHOT,
  DC_OPTION_BUNDLE,
  DC_OPTION_ANONYMIZE,
  DC_OPTION_KEEP_PAYLOAD,
  DC_OPTION_STRICT,
  DC_OPTION_FAIL_ON,
  DC_OPTION_EXPLAIN,
  DC_OPTION_LIST_CAUSES,
  DC_OPTION_VERSION,
  DC_OPTION_HELP,
  DC_OPTION_HELP_MAN,
  DC_OPTION_HELP_COMPLETION,
  DC_OPTION_END
} DcOptionId;

typedef struct {
  DcOptionId id;
  char letter;          /* 0: none */
  const char *name;     /* long name without dashes, NULL: none */
  const char *argument; /* its name in the help, NULL: takes none */
  bool argument_optional;
  bool repeatable;
  DcOptionGroup group;
  DcComplete complete;
  const char *const *values; /* NULL-terminated, or NULL */
  const char *since;         /* the release it appeared in */
  const char *help;          /* one line, for --help */
  const char *more;          /* further sentences for the manual page, NULL: none */
} DcOption;

const DcOption *dc_option_table(size_t *ret_count);
const DcOption *dc_option_by_id(int id);    /* NULL: none such */
const DcOption *dc_option_by_letter(int c); /* NULL: none such */
const char *dc_option_group_title(DcOptionGroup group);

/* "-i" or, without a letter, "--drops": how messages call it. */
void dc_option_spell(const DcOption *option, char text[static 64]);

/* --help, and what the build makes of the table. */
void dc_option_print_help(FILE *stream);
void dc_option_print_man(FILE *stream);        /* mdoc(7), the body of OPTIONS */
void dc_option_print_completion(FILE *stream); /* bash */
